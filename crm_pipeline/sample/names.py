"""Words that the invented people are made of. All persons, addresses and numbers are invented."""


def _words(text: str, between: str = " ") -> list[str]:
    return text.split(between)


FEMALE = _words(
    "Olivia Amelia Isla Ava Ivy Freya Lily Florence Mia Willow Rosie Sophia Isabella Grace Daisy Sienna Evelyn "
    "Poppy Elsie Emily Charlotte Phoebe Sophie Matilda Alice Eleanor Margaret Elizabeth Katherine Susan Patricia "
    "Christine Jennifer Rebecca Victoria Samantha Chloé Zoë Siân Niamh Priya Aisha Mei Ngozi Fatima Agnieszka"
)
MALE = _words(
    "Noah Oliver George Arthur Muhammad Leo Harry Oscar Archie Henry Theodore Freddie Jack Charlie Theo Alfie "
    "Jacob Thomas William James Joshua Alexander Edward Daniel Samuel Benjamin Joseph Robert Michael Christopher "
    "Andrew Anthony Stephen Matthew Nicholas Richard David Peter Gareth Seán José Arjun Wei Chidi Omar Tomasz"
)
LAST = _words(
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Wright Walker White Thompson Edwards Hughes "
    "Green Hall Wood Harris Lewis Martin Jackson Clarke Clark Turner Hill Cooper Ward Moore Morris Morgan Bailey "
    "Bell Baker Khan Shah Ali Begum Singh Kaur Allen Carter Mitchell Phillips Collins Bennett Cox Shaw Kelly "
    "Murphy O'Brien O'Connor Gallagher Campbell Stewart Robertson MacDonald Fraser Reid Murray Griffiths Owen "
    "Llewellyn Price Rees Pugh Nowak Kowalski Müller García Fernández Rossi Okafor Adeyemi Mensah Chen Wong "
    "Nguyen Ashworth Barlow Birch Blackwood Bramley Calloway Cartwright Chandler Cresswell Dalton Drummond "
    "Eastwood Fairchild Fenwick Fielding Garland Goodwin Hargreaves Hartley Hawthorne Holloway Ingram Jarvis "
    "Kendall Kingsley Lambert Langley Lockwood Marlow Mercer Merriweather Millington Nash Norwood Oakley Orton "
    "Pemberton Penrose Prescott Quigley Radcliffe Ravenscroft Redfern Rowntree Sandford Selwyn Sheridan Stanhope "
    "Sutcliffe Tennant Thackeray Thorne Underhill Vaughan Wainwright Wakefield Weatherby Whitaker Winslow "
    "Woodhouse Wyndham Yardley"
)
NICKNAMES = {
    "Elizabeth": "Liz",
    "Katherine": "Kate",
    "Margaret": "Maggie",
    "Patricia": "Pat",
    "Christine": "Chris",
    "Jennifer": "Jen",
    "Rebecca": "Becky",
    "Victoria": "Vicky",
    "Samantha": "Sam",
    "Isabella": "Bella",
    "Susan": "Sue",
    "Thomas": "Tom",
    "William": "Bill",
    "James": "Jim",
    "Joshua": "Josh",
    "Alexander": "Alex",
    "Edward": "Ed",
    "Daniel": "Dan",
    "Samuel": "Sam",
    "Benjamin": "Ben",
    "Joseph": "Joe",
    "Robert": "Bob",
    "Michael": "Mike",
    "Christopher": "Chris",
    "Andrew": "Andy",
    "Anthony": "Tony",
    "Stephen": "Steve",
    "Matthew": "Matt",
    "Nicholas": "Nick",
    "Richard": "Dick",
    "David": "Dave",
    "Theodore": "Theo",
}
STREETS = _words(
    "High Street|Station Road|Church Lane|Victoria Road|Mill Lane|Park Avenue|Harbour Road|Quayside|"
    "Castle Street|Orchard Close|The Green|Chapel Street|Queens Road|Kings Avenue|Manor Drive|Finch Close|"
    "School Lane|North Street|Bridge Street|Elm Grove|Beech Road|Cedar Way|Meadow View|Springfield Road|"
    "Windsor Terrace|Albert Road|Alma Street|Bay View|Cliff Road|Lighthouse Lane",
    "|",
)
# Town, postcode area, share of customers, store in that town.
TOWNS = (
    ("Bristol", "BS", 0.16, "S01"),
    ("Plymouth", "PL", 0.11, "S02"),
    ("Exeter", "EX", 0.11, "S03"),
    ("Southampton", "SO", 0.12, "S04"),
    ("Brighton", "BN", 0.12, "S05"),
    ("Whitby", "YO", 0.06, "S06"),
    ("Liverpool", "L", 0.12, "S07"),
    ("Edinburgh", "EH", 0.12, "S08"),
    ("Cardiff", "CF", 0.08, "S01"),
)
MAIL_DOMAINS = ("example.com", "example.org", "example.net", "post.example", "harbourmail.example", "inbox.example")
# Chinese names: as written, and in pinyin.
CHINESE_LAST = tuple(
    pair.split(":")
    for pair in _words(
        "王:Wang 李:Li 张:Zhang 刘:Liu 陈:Chen 杨:Yang 黄:Huang 赵:Zhao 吴:Wu 周:Zhou 徐:Xu 孙:Sun 马:Ma 朱:Zhu 胡:Hu "
        "林:Lin 郭:Guo 何:He 高:Gao 罗:Luo 郑:Zheng 梁:Liang 谢:Xie 宋:Song 唐:Tang 许:Xu 邓:Deng 冯:Feng 曹:Cao"
    )
)
CHINESE_FEMALE = tuple(
    pair.split(":")
    for pair in _words(
        "芳:Fang 娜:Na 敏:Min 静:Jing 丽:Li 艳:Yan 娟:Juan 霞:Xia 秀英:Xiuying 桂英:Guiying 雨欣:Yuxin 佳怡:Jiayi "
        "诗涵:Shihan 梦洁:Mengjie 晓燕:Xiaoyan 雪梅:Xuemei 婷婷:Tingting 欣怡:Xinyi 美玲:Meiling 慧:Hui"
    )
)
CHINESE_MALE = tuple(
    pair.split(":")
    for pair in _words(
        "伟:Wei 强:Qiang 磊:Lei 洋:Yang 勇:Yong 杰:Jie 涛:Tao 明:Ming 刚:Gang 晓明:Xiaoming 子涵:Zihan 浩然:Haoran "
        "思远:Siyuan 志强:Zhiqiang 建国:Jianguo 宇轩:Yuxuan 俊杰:Junjie 文博:Wenbo 海涛:Haitao 鹏:Peng"
    )
)
SOCIAL_PLATFORMS = ("chirp", "pixagram", "linbo")
HANDLE_WORDS = _words(
    "finch harbour teapot oat marmalade lantern juniper pebble saffron quill willow cinder moss brine"
)
# Towns of Portugal, with what their postcodes begin with.
PORTUGUESE_TOWNS = (
    ("Lisboa", "11"), ("Lisboa", "17"), ("Porto", "41"), ("Porto", "43"), ("Coimbra", "30"), ("Braga", "47"),
    ("Aveiro", "38"), ("Setúbal", "29"), ("Faro", "80"), ("Évora", "70"), ("Vila Nova de Gaia", "44"),
)  # fmt: skip
PORTUGUESE_FEMALE = _words(
    "Maria Ana Mariana Beatriz Inês Leonor Matilde Carolina Sofia Joana Catarina Marta Rita Teresa Margarida Francisca "
    "Lúcia Conceição Fátima Graça Helena Isabel Patrícia Sandra Sílvia Susana Vera Filipa Raquel Cláudia"
)
PORTUGUESE_MALE = _words(
    "João Francisco Afonso Tomás Duarte Rodrigo Martim Santiago Miguel Gonçalo Tiago Pedro Luís Manuel António José "
    "Carlos Rui Nuno Paulo Jorge Fernando Hugo Ricardo Bruno André Sérgio Vítor Hélder Diogo"
)
PORTUGUESE_LAST = _words(
    "Silva Santos Ferreira Pereira Oliveira Costa Rodrigues Martins Sousa Fernandes Gonçalves Gomes Lopes Marques "
    "Alves Almeida Ribeiro Pinto Carvalho Teixeira Moreira Correia Mendes Nunes Soares Vieira Monteiro Cardoso Rocha "
    "Raposo Neves Coelho Cruz Cunha Pires Ramos Reis Simões Antunes Matos Fonseca Machado Araújo Barbosa Tavares "
    "Lourenço Figueiredo Magalhães Brandão Leitão"
)
PORTUGUESE_STREETS = _words(
    "Rua das Flores|Avenida da Liberdade|Rua do Comércio|Rua da Igreja|Travessa do Forno|Largo do Chafariz|"
    "Rua Nova|Rua da Escola|Avenida dos Pinhais|Rua do Moinho|Praceta das Oliveiras|Rua da Fonte|Estrada da Praia|"
    "Rua de São João|Beco do Jardim|Rua dos Pescadores|Alameda das Tílias|Rua da Alegria",
    "|",
)
