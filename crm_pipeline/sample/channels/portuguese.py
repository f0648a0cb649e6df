"""What invented people write in Portuguese."""

from crm_pipeline.sample.channels.phrases import Phrases, lines

_LOVED = lines("""
    Adorei, {product} ainda mais bonito do que na fotografia.
    Chegou tudo impecável e bem embalado.
    Recomendo a toda a gente!
    Fiquei encantada com a qualidade.
    Atendimento cinco estrelas.
    Já é a terceira encomenda e corre sempre bem.
    Encomendei na {day} e chegou dois dias depois, fantástico.
    A minha mãe chorou de alegria com o presente.
    Uso todos os dias e não me canso.
    Maravilhoso.
    Muito obrigada, superou as expectativas.
    Vou voltar a comprar de certeza.
    O melhor chá que já provei.
    Parabéns pela loja, é linda.
""")
_LIKED = lines("""
    Bom produto, cumpre o que promete.
    Chegou mais depressa do que eu esperava.
    Boa relação qualidade-preço.
    Gostei, no geral.
    Simpáticos ao telefone.
    Fácil de encomendar.
    Vinha bem embalado.
    O meu marido gostou, o que já é alguma coisa.
    Foi para oferecer e agradou.
    Resolveram no próprio dia.
    Correu bem.
    Satisfeito com a compra.
""")
_PLAIN = lines("""
    Comprei para a minha irmã.
    Chegou na {day}.
    Encomendei {number}.
    A cor é mais escura do que no ecrã.
    Ainda não abri a caixa.
    Usei duas vezes até agora.
    Foi o vizinho que recebeu.
    Paguei com cartão.
    Já tinha um {product} parecido.
    Vi o anúncio e decidi experimentar.
    Gostava de saber as medidas antes.
    Não sei bem o que escrever aqui.
    Também há em verde?
""")
_DISLIKED = lines("""
    Um pouco caro para o que é.
    O {product} é mais pequeno do que pensava.
    A entrega demorou {number} dias.
    Os portes são altos para Portugal.
    Esperava mais.
    Tive de ligar duas vezes.
    O site é lento e está em inglês.
    A tampa não fecha bem.
    Veio com um risco.
    O código de desconto não funcionou.
    Demasiado plástico na embalagem.
    Já comprei melhor.
""")
_HATED = lines("""
    Chegou tudo partido.
    Ninguém responde aos e-mails.
    Estou há {number} semanas à espera do dinheiro.
    Nunca mais compro aqui.
    Péssimo atendimento.
    Uma vergonha.
    O {product} avariou no primeiro dia.
    Enviaram o artigo errado duas vezes.
    Quero o meu dinheiro de volta.
    Dinheiro deitado fora.
    Horrível.
    Cobraram duas vezes e ninguém quer saber.
    Estragaram-me o aniversário.
""")
_IRONIC = lines("""
    Que maravilha, mais um {product} aos bocados.
    Parabéns, só {number} semanas de atraso desta vez.
    Obrigadinha por não responderem.
    Excelente serviço, para quem gosta de esperar.
    Adoro pagar duas vezes.
    A caixa era linda, pena o {product} lá dentro.
    Fantástico, exatamente o que não encomendei.
    Muito rápidos, a recusar a devolução.
""")
_UNDERSTATED = lines("""
    Nada a apontar.
    Nada mau.
    Sem queixas.
    Tinha medo que partisse, mas não partiu.
    A minha carteira é que sofre.
    Só me arrependo de não ter comprado dois.
    Nunca tive um problema convosco.
    Não podia ser melhor.
""")
PORTUGUESE = Phrases(
    sentences=(_LOVED, _LIKED, _PLAIN, _DISLIKED, _HATED, _IRONIC, _UNDERSTATED),
    tiny=(
        ("Ótimo", "Perfeito!", "muito bom", "5 estrelas", "bom", "ok", "👍", "Recomendo", "tudo bem", "excelente"),
        ("ok", "bom", "razoável", "mais ou menos", "podia ser melhor", "👍", "normal", "caro", "bom mas caro", "-"),
        ("mau", "péssimo", "não gostei", "ok", "fraco", "👎", "lento", "nunca mais", "à espera", "sem comentários"),
    ),
    openings=("Olá,", "Bom dia,", "Boa tarde,", "Boa noite,", "Caros senhores,", "Olá outra vez,", "Exmos. senhores,"),
    endings=(
        "Obrigado", "Obrigada.", "Cumprimentos", "Com os melhores cumprimentos", "Aguardo resposta.", "Fico a aguardar",
        "Obrigada desde já", "Abraço", "Por favor, liguem-me.",
    ),
    problems={
        "delivery": lines("""
            a minha encomenda ainda não chegou, era para {day}
            diz entregue mas não recebi nenhum {product}
            onde está a encomenda? Já passaram {number} dias
            posso mudar a morada de entrega
            está parada na alfândega há {number} dias
            só chegou metade, falta o {product}
        """),
        "damaged": lines("""
            o {product} chegou partido
            um dos {number} copos veio partido
            a caixa vinha amolgada e o {product} rachado
            o frasco verteu tudo
            a pega do {product} está solta
        """),
        "wrong item": lines("""
            recebi a encomenda de outra pessoa
            a cor não é a que escolhi
            falta um {product} na caixa
            enviaram {number} em vez de um
            este não é o {product} da fotografia
        """),
        "refund": lines("""
            estou à espera do reembolso desde {day}
            ainda não recebi o dinheiro do {product}
            devolvi há {number} dias
            quanto tempo demora a devolução
            o reembolso veio com {number} euros a menos
        """),
        "billing": lines("""
            cobraram duas vezes
            não descontaram o cupão
            preciso de fatura com contribuinte
            pagaram-se {number} euros de taxas, porquê
            em que moeda é cobrado
        """),
        "product": lines("""
            a panela dá para indução
            quando volta a haver o {product}
            a compota tem frutos secos
            o {product} pode ir à máquina
            qual é a altura do {product}
        """),
        "account": lines("""
            não consigo entrar na conta
            queria mudar o e-mail
            os pontos não aparecem
            quero apagar a conta antiga
            continuo a receber e-mails
        """),
        "other": lines("""
            tenho uma pergunta
            liguem-me por favor
            vão abrir loja em Lisboa
            têm vales de oferta
            enviam para os Açores
        """),
    },
    asides=(
        "Encomendei na semana passada.", "Era para oferecer.", "Já vi no site.", "Preciso até {day}.",
        "Não tenho pressa.",
        "Tenho o recibo.", "É para a minha mãe.", "Liguei na {day}.", "Desculpem o meu inglês, escrevo em português.",
    ),
    tags=("#harbourfinch", "@harbourfinch", "#casa", "#decoração", "#chá"),
    fillers={
        "product": (
            "bule", "copo", "candeeiro", "jarro", "tacho", "vaso", "prato", "cesto", "sabonete", "pano", "regador",
            "difusor", "cobertor", "moldura", "pote de mel",
        ),
        "number": ("2", "3", "4", "5", "6", "8", "10", "dois", "três"),
        "day": ("segunda-feira", "terça", "quarta-feira", "quinta", "sexta-feira", "sábado"),
    },
)  # fmt: skip
