"""What invented people write in English."""

from crm_pipeline.sample.channels.phrases import Phrases, lines

_LOVED = lines("""
    Absolutely delighted with the {product}.
    The {product} is even nicer than in the picture.
    Lovely shop, lovely people.
    Wrapped so beautifully that I almost did not want to open it.
    My mother cried when she saw the {product}, in a good way!
    Best {product} I have had in years.
    Ordered at night, here the next morning. Brilliant.
    The girl at the till went out of her way to find me the last one.
    I have told everybody at work about you.
    Third order this year and never a let-down.
    Everything about it was perfect.
    You have a customer for life.
    So pleased, thank you!
    The quality is superb and the price is fair.
    Made my {day}.
    I use the {product} every single day and love it.
    Whoever packs your parcels deserves a rise.
    Top notch.
    Would buy again in a heartbeat.
    It smells heavenly.
""")
_LIKED = lines("""
    Nice {product}, does what it should.
    Good value I think.
    Came quicker than I expected.
    Pretty happy with it overall.
    The {product} looks well made.
    Staff were helpful.
    Easy to order.
    Well packed, nothing broken.
    Good as always.
    My husband likes the {product}, which says something.
    Fair price for what it is.
    We will be back I expect.
    The new packaging is an improvement.
    It was a present and it went down well.
    Sorted out within a day in the end.
    The tea is decent.
    Happy enough.
    I liked the card in the box.
    Solid.
""")
_PLAIN = lines("""
    I bought the {product} for my sister.
    It arrived on {day}.
    I ordered {number} of them.
    We have one in the kitchen already.
    The box was brown.
    I normally go to the store but it was raining.
    The colour is darker than on my screen.
    It is a {product}.
    Ordered by phone with the help of my daughter.
    Used it twice so far.
    I have not opened it yet.
    Do you also do these in green?
    This is the {number}th time I fill this in.
    I would have liked to know the size beforehand.
    The courier came at {number} o'clock.
    We compared it with another brand.
    Read about you in a magazine.
    Bought with a voucher.
    My neighbour took the parcel in.
    Not sure what to write here.
""")
_DISLIKED = lines("""
    A bit dear for what you get.
    The {product} is smaller than I thought.
    Delivery could have been quicker.
    I had to ring twice.
    The website kept logging me out.
    Far too much packaging for one {product}.
    It is all right, but I expected more.
    The lid does not quite close.
    Nobody told me it would take {number} days.
    The discount code did not want to work.
    Slightly scratched, though I can live with it.
    I had hoped for more choice.
    The queue in the store was out of the door.
    The glaze is uneven.
    Not as good as last year's.
    Instructions would have been helpful.
    The {product} started to wobble after a week.
    I would think twice before ordering online again.
    My points never showed up.
    A tad disappointed.
""")
_HATED = lines("""
    The {product} arrived in a thousand pieces.
    Nobody answers the phone and nobody answers mails.
    I have waited {number} weeks for my money.
    Never again.
    Shame on you.
    This is the worst service I have had from any shop.
    The {product} broke the first time I used it.
    You sent the wrong thing twice.
    I want my money back.
    Rude, simply rude.
    It went straight into the bin.
    I was charged twice and nobody cares.
    Awful.
    You ruined a birthday.
    It stinks of plastic and the handle came off.
    The jam was mouldy!
    What a waste of money.
    I am done with this shop.
    Still no {product}, still no reply, still no refund.
    I would give zero stars if I could.
""")
_IRONIC = lines("""
    Oh great, another {product} in pieces.
    Well done, only {number} weeks late this time.
    Thank you so much for ignoring me.
    Brilliant service, if you enjoy listening to music on hold.
    Lovely box. Shame about the {product} in it.
    I just love paying twice.
    Congratulations, you managed to lose the same parcel two times.
    Wonderful, the {product} now comes as a puzzle.
    So helpful of you to answer with a link to the page I had already read.
    Five stars to the courier for throwing so accurately.
    What a treat to be sent somebody else's order.
    Fantastic, exactly what I did not order.
    Very fast. The refusal of my refund, I mean.
    Perfect timing, the birthday was only last {day}.
""")
_UNDERSTATED = lines("""
    Nothing to complain about.
    Not bad at all.
    I cannot fault it.
    I was worried it would break, and it did not.
    No problems whatsoever.
    I hate how much I spend with you.
    Dangerous shop, I always leave with too much.
    Never had a bad {product} from you.
    My only regret is that I did not buy two.
    The old one was awful, this one is anything but.
    It would be a crime to change that recipe.
    Couldn't be better.
    I have stopped being disappointed by online shops since I found you.
    My bank account hates you, I do not.
""")
ENGLISH = Phrases(
    sentences=(_LOVED, _LIKED, _PLAIN, _DISLIKED, _HATED, _IRONIC, _UNDERSTATED),
    tiny=(
        lines("""
            Great
            lovely
            Perfect!
            All good
            Good
            good
            very happy
            thanks
            👍
            Top
            ok
            fine
            as always
            10/10
            No complaints
        """),
        lines("""
            ok
            OK
            fine
            Good
            all right
            so so
            good but dear
            as expected
            👍
            bit slow
            nothing to add
            -
            average
            see above
            hmm
        """),
        lines("""
            no
            bad
            Too slow
            disappointed
            meh
            ok
            Poor
            see above
            never again
            fine.
            👎
            still waiting
            not good
            Hm.
            no comment
        """),
    ),
    openings=lines("""
        Hello,
        Hi,
        Hi there,
        Good morning,
        Dear team,
        Dear Sir or Madam,
        To whom it may concern,
        Hello again,
        Me again.
    """),
    endings=lines("""
        Thanks
        Thank you.
        Many thanks!
        Kind regards
        Regards
        Please advise.
        Please let me know.
        Best wishes
        Cheers
        I look forward to your answer.
        Please call me back.
        Thanks in advance
    """),
    problems={
        "delivery": lines("""
            my parcel has not arrived, it was due on {day}
            tracking says delivered but there is no {product} here
            where is my order? It has been {number} days
            the courier left the {product} in the rain
            can I change the delivery address of an order from {day}
            the parcel has been at the depot for {number} days
            is there any news of my {product}
            I am away from {day}, can you send it later
            half of my order came, the {product} did not
        """),
        "damaged": lines("""
            the {product} came in pieces
            one of the {number} glasses is broken
            the box was crushed and the {product} has a crack
            there is a chip in the {product}, photo attached
            the jar had leaked all over the {product}
            the {product} has a dent
            the handle of the {product} is loose
            the lid of my {product} was smashed
        """),
        "wrong item": lines("""
            I was sent somebody else's order
            I ordered a {product} and got socks
            the colour is not the one I chose
            one {product} is missing from the box
            you sent {number} instead of one
            this is not the {product} in the picture
            wrong size, I need the large one
            there was a {product} in my parcel that I never ordered
        """),
        "refund": lines("""
            I am waiting for my refund since {day}
            the money for the {product} has not come
            the refund is {number} pounds too small
            how long does a refund take
            I sent the {product} back {number} days ago
            I returned it in the store, when do I get the money
            can I have a refund instead of a voucher
            the return label does not print
        """),
        "billing": lines("""
            I was charged twice
            the discount was not taken off
            I need an invoice with my address
            the code from your mail does not work
            my card was charged on {day} but there is no order
            the receipt says {number} pounds more than the shelf
            can you send the receipt for the {product} again
            why is there VAT on this
        """),
        "product": lines("""
            is the casserole safe on induction
            when is the {product} back in stock
            has the jam nuts in it
            how do I clean the {product}
            can the {product} go into the dishwasher
            how tall is the {product}
            do you sell the lid of the {product} by itself
            is the {product} made in this country
            which {product} would you recommend as a present
        """),
        "account": lines("""
            I cannot log in
            I would like to change my e-mail
            my points do not show
            please delete my old account
            the link to reset my password is dead
            I have two accounts, can you make one of them
            I keep getting mails although I unsubscribed
            my loyalty card is lost
        """),
        "other": lines("""
            I have a question
            please call me back
            are you open on {day}
            do you sell gift vouchers
            I left my umbrella in the store
            can I book a table for {number}
            are dogs welcome
            do you take old {product}s back
        """),
    },
    asides=lines("""
        I ordered last week.
        It was meant as a gift.
        I have looked on your site already.
        The order number is on the receipt.
        I need it by {day}.
        I am not in a hurry.
        It is for my mother.
        I have the receipt.
        My colleague had the same.
        I do not have a printer.
        I was told to write to this address.
        I called on {day}.
    """),
    tags=("#harbourfinch", "@harbourfinch", "#teatime", "#homeware", "#smallbusiness", "#fail"),
    fillers={
        "product": lines("""
            mug
            teapot
            cushion
            throw
            lantern
            jug
            bread knife
            saucepan
            candle
            hamper
            plant pot
            table cloth
            bowl
            soap set
            casserole
            tea towel
            photo frame
            bird feeder
            watering can
            diffuser
        """),
        "number": ("2", "3", "4", "5", "6", "8", "10", "two", "three", "four"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    },
)
