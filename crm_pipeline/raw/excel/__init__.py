"""What an Excel workbook is made of: its parts, its sheets, and the texts of their cells."""
