{{ feature_rows(when='as_of_date = ' ~ as_of_date()) }}
