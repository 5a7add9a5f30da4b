"""Abbreviations of many languages, and whether a full stop behind a word ends its sentence.

Four kinds. Before a number ("art. 12", "Abb. 3", "стр. 5"): these are alike in all languages, so one list serves. Before
a name or any other word ("dott. Rossi", "bzw."): one list a language, since "on." is a title in Italian and a word
in English. At the end of a list ("etc.", "usw.") and behind a number ("5 kg.", "5 p.m."): these end a sentence where a
capital follows.
"""

from __future__ import annotations

import re

UNKNOWN = "und"  # gets the lists of all languages
_ANY = "*"  # languages that have no list of their own get this one, all others get it as well


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A stop behind one of these joins before digits and Roman numerals, and says nothing before others.
BEFORE_NUMBER = _words(
    # Latin script: article, figure, table, page, number, volume, chapter, section, note, line, paragraph, telephone
    "abb abs abschn absn afb afd afl afsn al alin anl anm ann annex app appx arg art arts aufl avsn bd bde bibl bil bl "
    "bldg blz ch chap chaps cap caps capp cf cfr cit cl co col cols coll čl č čís d div doc dz ed eds ediz eq eqs eqn "
    "ex exp ext f fasc ff fig figg figs fn fol folg fr g gl gr h hfst hoofdst hs ibid illus incl it j k kap kl kor kpl l "
    "lám let lib lit lk ln lv m max maks max min mín n nn no nos nr núm núms nº n.º nro nt num obr odd odst "
    "öv op p pp pag pagg pág págs par para paras parr pkt pl plat ph pos pt pts poz pozn příl puh q r rad ref refs reg rdz rozdz "
    "ryc rys rz s ss sect sec secs ser sez sk st str sub suppl sv şek t tab tabb tabl taf taul tav tbl tel telef "
    "tél tit tlf tom ú úst ust v vd vgl vol vols vs w wyd z zał zob zv § kuva num cil ca env aprox approx circa cca cn resp "
    # Cyrillic
    "абз арт вип вол вып гл граф д додат ил им кв корп кн л лит м мал н ном оф п пар пп пл под пт пункт п.п р разд рис розд с "
    "сб св см дом др ст статт стр т табл тел тт тит ч част эт буд див дод зв оп под оп приблизно прим прил прибл ред ок "
    "в № поз пог "
    # Months, before a day or a year
    "jan janv feb febr fév févr mar apr avr abr ago jun jul juil aug août sep sept oct okt ott nov dec déc dic dez des "
    "янв февр фев мар апр авг сент окт нояб дек "
    # Greek
    "αρ άρθ αριθ εικ κεφ πίν παρ σελ σ τ τηλ τόμ τεύχ σχ υποσ στ στίχ γρ περ βλ "
    # Arabic, Devanagari
    "ص ج م رقم ت ق न नं पृ सं",
)  # fmt: skip

# A stop behind one of these never ends a sentence.
_BEFORE_WORD = {
    _ANY: "dr prof mr mrs ms messrs mme mlle st sta ste dipl ing phil rer jur rev gen col "
    "vs cf viz approx vgl i.e e.g ie eg et.al ca m.in p.ej",
    "en": "hon gov sgt lt cpt capt maj cmdr adm sen rep pres supt ft mt esq figs eds incl excl dept univ assn al ave no nos eqn",
    "de": "abb abt anm bd best betr bez bzgl bzw ca d.h dipl-ing dipl.-ing ebd einschl entspr evtl exkl fa fam frl geb "
    "ggf gegr gem gest hl hr hrn hrsg inkl insb insbes jh jg kath kfm kgl lfd lt max min mind mio mrd n nördl ö o.ä.m "
    "o.g österr od phil prof r röm s sog sr staatl städt südl tägl teilw tsd u u.a u.u v v.a verh verw vgl vorm wg westl östl "
    "z z.b z.t z.zt zz zzgl zw zzt zt str.nr i.d.r i.a m.e dipl.ing bspw durchschn ehem eigtl "
    "mo di mi do fr sa so st theol jun sen allg abs art nr tab kap pl ltg",
    "fr": "mm mme mmes mlle mlles mgr dr pr me env resp ex p.ex c.-à-d c.à.d cf chap éd ed dir av boul bd fbg pl st ste "
    "sts janv févr avr juil sept oct nov déc art fig tabl vol t p pp hab adj conf vx art.cit op.cit loc.cit bull coll",
    "es": "sr sra sres srta srtas sras dr dra dres dras d dª dña dn prof profa ing lic arq gral cnel cap tte sgto alm ud "
    "uds vd vds av avda avdas pza pl pza plza c ctra urb p.ej ej ee p fig figs pág págs núm núms vol art arts cap tel "
    "sta sto sto fco ma mª excmo excma ilmo ilma rvdo fr mons pte dpto dto depto edo aprox máx mín col trad ed incl",
    "it": "sig sigg sig.ra sig.na sigra dott dott.ssa dottssa dr prof prof.ssa profssa ing arch avv geom rag on sen cav comm "
    "gen col cap magg ten mons don s ss sta es ad.es p.es v vd cfr ca c.so p.zza pza p.le v.le l.go v.lo str fraz loc prov "
    "art artt fig figg pag pagg vol voll n nn cap capp par tav ed cit op.cit tel egr spett gent dev rev min ecc.mo f.lli "
    "genn febbr apr magg giu lug ag sett ott nov dic resp sez fam",
    "pt": "sr sra srs sras srta dr dra drs dras prof profa profs eng engª eng.ª arq gen cel cap ten sgt maj alm d dª d.ª "
    "av r trav pç pça lg estr rod apto al exmo exma ilmo v.exa v p.ex ex aprox máx mín fig figs pág págs pp vol art arts núm tel "
    "sta sto st fr pe mons depto dept ed trad org orgs séc incl jan fev mar abr mai jun jul ago set out nov dez",
    "nl": "dhr mevr mw mej dr drs prof ir ing mr ds jhr st jl bijv bv bvb d.w.z dwz o.a oa m.b.t mbt m.a.w i.p.v i.v.m t.a.v "
    "t.o.v n.a.v t.b.v t.g.v o.b.v a.h.v e.d resp ca max min vgl zgn zg nl evt excl incl afb tab blz nr hfst par dl art "
    "jan feb mrt apr jun jul aug sept okt nov dec geb ged gest nml v.d",
    "sv": "bl.a bla d.v.s dvs f.d fd fr.o.m from t.ex tex t.o.m tom s.k sk resp ca c:a dr prof ing fil kand docent kl nr s "
    "fig tab kap avsn art jfr eg ev ex exkl inkl max min milj mdr tel st s:t s:ta jan feb mar apr aug sept okt nov dec ung "
    "övers uppl utg red p.g.a pga m.a.o i.o.m "
    "u.a hr o.dyl",
    "da": "bl.a bla ca cand d dr d.v.s dvs f.eks feks fx eks ekskl inkl evt hhv hr fr frk if ifm iflg if.m ing jf jfr kl kap maks max "
    "min mio mia nr nuv pct prof red resp s sct skt st str tab fig tlf tel ung vedr mht mh.t pga p.g.a m.fl.a o.lign "
    "jan feb mar apr aug sept okt nov dec",
    "no": "bl.a bla ca dr d.v.s dvs f.eks feks eks ekskl inkl evt hhv hr fr frk iflg ing jf jfr kl kap maks max min mill mrd "
    "nr prof red resp s st tab fig tlf tel vedr mht pga p.g.a o.l jan feb mar apr aug sept okt nov des",
    "fi": "esim ks vrt mm ts toim tri tri. prof dos ins dipl dipl.ins fil maist n noin nk ns klo k s ss v vv synt k. kuv taul luk puh "
    "os p kpl ent ao ap em ko so til tai vast lyh rva hra nti st pyh milj mrd t ym. "
    "tammik helmik maalisk huhtik toukok kesäk heinäk elok syysk lokak marrask jouluk",
    "pl": "al art bł ch dr dyr doc ds dot dz fot gen godz hab hr im inż itp. jw kard kl ks kś lic lek m.in maks mar mec mgr min mjr "
    "mł n np nr nt ob obj os oprac p pkt płk pł pn por pow poz pp prof przyp ps pt pl r.ż red reż rozdz rys sp śp "
    "st str św tab tel tj tłum tys tzn tzw ul ust ur wg woj wyd wz zach zam zał zm zob zw św św.p mln mld ok pok hr "
    "sen kpt ppłk por zł.gr nauk nb",
    "cs": "akad arch bc bž č čes čl čp dr doc dr.h.c gen hl hod. ing j j.č judr jr jz kap kpt mgr mjr mudr m.j mj např "
    "např. nám n.l obr odd odst op os p paní phdr pl plk pplk por pozn prof př příp r.č rndr resp roč s sv sev st str stol "
    "sl slovn tab tel tis tj tř t.j tzn tzv t.zn ul v vl v.r vč viz zejm zkr zn zvl maj max min mil mld dle ev event cca ca pí "
    "led ún břez dub květ červ srp zář říj list pros",
    "ro": "dl d-l dna d-na dra d-ra dlui dr prof ing arh av acad gen col mr lt cpt sf str bd bdul b-dul cal șos aleea nr art alin "
    "fig tab pag p vol cap lit de.ex ex cca aprox max min sec. ed coord trad red jud loc com or "
    "tel ap et bl sc ian feb mart apr iun iul aug sept oct noi dec mil mld",
    "tr": "dr prof doç yrd av müh mim sn bay bkz krş örn yy. alb gen tğm ütğm yzb bnb org korg tüm cad sok sk mah blv bul apt "
    "no nr s ss şek tab böl bl c cilt çev haz yay ed ör ort yakl tel vd. m.ö m.s i.ö i.s ms mö hz st",
    "ru": "акад арт архиеп архим англ бул в.т.ч вел вост губ гр гос греч до доц др д-р ж.-д жен зам зап зав изд инж ин-т им им. "
    "исп итал кап кн корр к.т.н лат лейт мин муж напр наб нар нач нем нов о обл оз ок о-в пер пл пос польск пр просп пр-т проф "
    "псевд р-н ред рис рожд род рус с сев сент см соч ср св ст стр сб т т.е т.н тел т.к тов ул укр ум ур устар фам фр "
    "ч чл чл.-корр ш шт шос юж яз янв февр апр авг окт нояб дек тыс млн млрд под ген полк прим",
    "uk": "акад арх англ бул бульв вид вул в.т.ч гр д-р див доц др ім інж ін-т кн кол лат м мал мін напр наб нар нач нім о обл "
    "оз ок пер пл пос пр просп проф р-н ред рис род розд с св сел січ см ст стор т т.зв т.н т.є т.к табл тел тов ч чл "
    "чл.-кор ш шт лют берез квіт трав черв лип серп верес жовт листоп груд тис млн млрд ген полк прим зб порівн",
    "el": "κ κα κος κκ κας δρ δρα καθ αγ άγ αρχ αρ άρθ βλ πρβ δηλ εικ εκατ εκδ επ επιμ κεφ λεωφ λ οδ μτφ μτφρ ό.π ον π.χ παρ περ "
    "πίν πλ σελ συγγ σχ τ τηλ τόμ υποσ χιλ ταξ στρ υπ μον μητρ πατρ π ιαν φεβρ μαρ απρ ιουν ιουλ αυγ σεπ οκτ νοε δεκ",
    "hu": "dr prof ifj id özv gr br sz szt st u út utca tér ker tel kb pl ill ld lásd ún vö vö. pf fszt em szerk ford kiad köt "
    "old bek vsz min max jan febr márc ápr máj jún júl aug szept okt nov dec",
    "sk": "dr doc gen hl ing j jr judr kap kpt mgr mjr mudr napr nám obr odd ods op os p pl plk por pozn prof r resp roč s sv str "
    "st tab tel tis tj tzn tzv ul v vl viz zn č čl min max mil mld cca ca",
    "hr": "dr prof mr sc dipl ing gđa gđica gosp g str sv br čl st tel npr tj tzv ul usp vidi v god tis mil mlrd oko sl tab pogl",
    "bg": "акад бул гр г-н г-жа д-р доц ж.к инж им кв л напр н обл проф р-н св см ср стр т т.е т.нар тел ул ул. хил млн млрд чл",
    "ca": "sr sra srs dr dra prof av avda c ctra pl pça pg st sta núm pàg pàgs fig art vol cap tel aprox p.ex ex",
    "id": "dr drs prof ir hj jl no hlm hal tel gg kab kec prov tgl a.l d.l mis yth bpk sdr",
    "ar": "د م أ ص ج ط ق هـ ت ب أ.د رقم",
    "fa": "دکتر ص ج م ه ق ر ر.ک",
    "hi": "डॉ डा प्रो श्री सु पं नं पृ कु ई ई.पू सं एम बी",
}  # fmt: skip
_BEFORE_WORD["nb"] = _BEFORE_WORD["nn"] = _BEFORE_WORD["no"]
_BEFORE_WORD["be"] = _BEFORE_WORD["ru"]
_BEFORE_WORD["sr"] = _BEFORE_WORD["bs"] = _BEFORE_WORD["sl"] = _BEFORE_WORD["hr"]
_BEFORE_WORD["gl"] = _BEFORE_WORD["es"]

# A stop behind one of these ends the sentence where a capital follows.
_MAY_END = _words(
    "etc usw osv m.m m.fl mfl m.v itd itp i.t.d atd apod aj enz e.d e.a ecc jne yms ym stb stbv vb vd vs "  # and so on
    "ff seq ibid a.c d.c av.j.-c apr.j.-c b.c b.c.e c.e a.d v.chr n.chr v.u.z n.u.z n.e p.n.e př.n.l n.l p.kr e.kr f.kr "  # eras
    "e.kr. eaa jaa i.sz f.v.t e.v.t fvt "
    "a.m p.m am pm t.t.c ttc h.t s.a s.p.a s.r.l s.r.o a.s b.v n.v "
    "u.ä o.ä o.dgl u.dgl dgl u.a.m u.v.m uvm usf j.l "
    "т.д т.п др пр н.э р.х гг вв г в р рр ст т.д.. і.т.д ін н.е ін "
    "κ.λπ κλπ κ.ά π.μ μ.μ π.χ. μ.χ κ.α κ.τ.λ κτλ",
)  # fmt: skip
# Names end in these, and go on behind them ("Bros. Ltd.", "Co. KG"): only a word that begins sentences tells.
_NAME_ENDS = _words("inc ltd co corp bros llc plc jr sr")
# These end a sentence only behind a number ("1998 г.", "XIX в.", "1998 r."), and are something else without one.
_BEHIND_NUMBER = _words("г гг в вв р рр ст w r hod h m g l s t v w в.о ρ μ kr j. p n c d f k mm b")
# Behind a number these join even so: the number goes on, or something else does.
_SCALES = _words(
    "mio mrd mia mill milj mdr tsd tis tys mln mld mil mlrd хил тыс млн млрд тис χιλ εκατ δισ",
)  # fmt: skip
_NO_UNITS = _words("art fig nr no zw bzw inkl incl zzgl vgl")

# Units of English, which nupunkt takes for abbreviations wherever they stand.
_ENGLISH_UNIT = re.compile(
    r"(?<![\w.])[\d.,/]*\d[ \u00a0-]?"
    r"(?:[ap]\.?m|kg|g|mg|lbs?|oz|t|km|m|cm|mm|mi|yds?|ft|in|ha|ac|sq|l|ml|dl|gal|qt|pt|tbsp|tsp|hrs?|h|min|mins|secs?|s|"
    r"yrs?|mos|mph|rpm|kph|hp|[kKMG]?Hz|kWh|[kM]W|°[CF]|[KMGT]B|B\.?C|A\.?D|B\.?C\.?E|C\.?E)\Z"
)
_LIST_END = re.compile(r"(?<![\w.])(?:etc|[Ii]nc|[Ll]td|[Cc]orp|[Jj]r|[Ss]r|LLC|PLC)\Z")
# What goes on behind "5 p.m.": a day, a month, a zone of time.
_AFTER_HOUR = re.compile(
    r"(?:Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|[A-Z]{1,2}[SD]?T|UTC|GMT|"
    r"January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Eastern|Central|Mountain|Pacific|Local|Greenwich|Hg|Hz)\b"
)

# Capitalised, these begin a sentence rather than name what an abbreviation or an initial stands before.
_STARTERS = {
    "en": "The This These That Those It He She They We You There In On At But And If When While As For From After Before To "
    "His Her Its Their Our My What Who How Why Where One Some Many Most However Also Then No Not Nothing Nobody So Such",
    "de": "Der Die Das Ein Eine Er Sie Es Wir Ihr Ich Man Dies Diese Dieser Dieses Dort Da Dann Danach Dabei Damit Dazu Im "
    "In Am An Auf Aus Bei Mit Nach Von Vor Zu Zum Zur Für Auch Aber Und Oder Doch Wenn Als Wie Wer Was Wo Wann Warum Heute "
    "Sein Seine Seinen Ihre Ihren Nur Nicht Kein Keine Beide Alle Viele Mehr Hier Jetzt Seit Bis Nun So Zwar Dafür Daher Deshalb",
    "fr": "Le La Les Un Une Des Du Il Elle Ils Elles On Nous Vous Je Ce Cet Cette Ces C'est Dans En À Au Aux Pour Par Sur Avec "
    "Mais Et Ou Si Quand Son Sa Ses Leur Leurs Notre Votre Puis Ensuite Personne Rien Voir Tout Tous",
    "es": "El La Los Las Un Una Unos Unas Lo Él Ella Ellos Ellas En De Por Para Con Pero Y Si Cuando Su Sus Este Esta Estos "
    "Esto Eso Se No Hay Es Fue Al Del También Además Nadie Nada Hoy",
    "it": "Il Lo La I Gli Le Un Uno Una L'altro È E Ma In Nel Nella Per Con Di Da Su Si Se Quando Non Questo Questa Questi "
    "Quello Suo Sua Loro Egli Ella Poi Anche Nessuno Oggi Era Fu",
    "pt": "O A Os As Um Uma Ele Ela Eles Elas Em No Na Nos Nas De Do Da Por Para Com Mas E Se Quando Seu Sua Este Esta Isso "
    "Isto Não Há É Foi Também Ninguém Hoje",
    "nl": "De Het Een Hij Zij Ze Wij We Ik Er In Op Aan Bij Met Voor Van Naar Maar En Of Als Toen Dit Dat Deze Die Zijn Haar "
    "Hun Niet Niemand Vandaag Daar Ook Dan Zie",
    "sv": "Den Det De En Ett Han Hon Vi Jag Man I På Till Från Med För Men Och Om När Där Här Detta Denna Dessa Sedan Ingen Se "
    "Då Efter Vid",
    "da": "Den Det De En Et Han Hun Vi Jeg Man I På Til Fra Med For Men Og Hvis Når Der Her Dette Denne Disse Siden Ingen Se Da",
    "no": "Den Det De En Et Ei Han Hun Vi Jeg Man I På Til Fra Med For Men Og Hvis Når Der Her Dette Denne Disse Ingen Se Da",
    "fi": "Hän He Se Ne Me Minä Sinä Te Tämä Nämä Ja Mutta Kun Jos Myös Siellä Kukaan Tänään Oli On Sitten",
    "pl": "W Na Z Do Od Po Za O Ten Ta To Te Ci On Ona Ono Oni Jest Był Była Nie Nikt I Ale Gdy Jeśli Kiedy Jego Jej Ich Tam Tu",
    "cs": "V Na Z Do Od Po Za O S Ten Ta To Ti On Ona Oni Je Byl Byla Nikdo A Ale Když Jestli Kdy Jeho Její Jejich Tam Tady",
    "ro": "Un O El Ea Ei Ele În La Pe De Din Cu Pentru Dar Și Dacă Când Acest Această Aceasta Nu Este Era Nimeni Se Astăzi",
    "tr": "Bu Şu O Bir Ve Ama Ancak Fakat Onlar Biz Ben Daha Sonra Kimse Her Çok",
    "ru": "В На С Из От До По За О Об У К И А Но Он Она Оно Они Мы Я Это Этот Эта Эти Его Её Их Не Никто Если Когда Там Тут Тогда "
    "После При Для Так Что Как Затем Дети Сегодня",
    "uk": "У В На З Із Від До По За Про І Й А Але Він Вона Воно Вони Ми Я Це Цей Ця Ці Його Її Їх Не Ніхто Якщо Коли Там Тут "
    "Тоді Після При Для Так Що Як Потім",
    "el": "Ο Η Το Οι Τα Ένας Μια Ένα Αυτός Αυτή Αυτό Στο Στη Στην Στον Στις Από Με Για Και Αλλά Αν Όταν Δεν Κανείς Είναι Ήταν",
    "hu": "A Az Egy Ez Ő Ők És De Ha Nem Nincs Volt Minden Senki",
}  # fmt: skip
_STARTERS["nb"] = _STARTERS["nn"] = _STARTERS["no"]

# Before an ordinal ("der 2. Weltkrieg"); German alone writes nouns with capitals.
_BEFORE_ORDINAL = _words(
    "der die das den dem des am im ins zum zur vom beim jeder jede jedes jeden ein eine einen einem einer eines sein seine "
    "seinen seinem seiner ihr ihre ihren ihrem ihrer mein meine unser unsere dieser diese dieses diesen diesem ab bis seit "
    "und oder von",
)  # fmt: skip

_MONTHS = _words(
    "january february march april may june july august september october november december "
    "januar jänner februar märz mai juni juli oktober dezember "
    "janvier février mars avril juin juillet août septembre octobre novembre décembre "
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre "
    "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre "
    "janeiro fevereiro março maio junho julho setembro outubro novembro dezembro "
    "januari februari maart mei augustus maj augusti marts "
    "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta "
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia "
    "ledna února března dubna května června července srpna září října listopadu prosince "
    "ianuarie februarie martie aprilie iunie iulie septembrie octombrie noiembrie decembrie "
    "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık "
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря "
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня "
    "ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου "
    "január február március április május június július október "
    "jan feb mar apr jun jul aug sep sept oct okt nov dec dez des",
)  # fmt: skip

_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýąęěůűőıœăîâаеёиоуыэюяіїєαεηιουωάέήίόύώ]")
_SYLLABIC = re.compile(r"[rl]")  # "vlk" and "prst" are words
_SYLLABIC_LANGUAGES = frozenset({"cs", "sk", "hr", "sr", "bs", "sl", "bg"})
_ROMAN = re.compile(r"[IVXLCDM]+\b(?!\.\s+[^\W\d_])")
_INITIAL = re.compile(r"\w\.")
_DAY_OR_MONTH = re.compile(r"\d{1,2}\.")
_TOKEN_LIMIT = 40  # code points of a word before a stop that are looked at
_OPENING = "\"'“”„‘’‚«»‹›([{¿¡*_"
_BREAK = re.compile(r"[\s\u3001-\u303f\uff00-\uff0f]+")
_ELISION = re.compile(r"^[^\W\d_]{1,7}['’](?=[^\W\d_]{2})")  # l'art., dell'ing.
_NUMBER = re.compile(r"[\d.,\u00a0\u202f/-]*\d\W?")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def words_before(lang: str) -> frozenset[str]:
    """Return the abbreviations of a language that a stop never ends a sentence behind, in lower case."""
    found = _CACHE.get(lang)
    if found is None:
        own = " ".join(_BEFORE_WORD.values()) if lang == UNKNOWN else _BEFORE_WORD.get(lang, "")
        found = _CACHE[lang] = _words(f"{_BEFORE_WORD[_ANY]} {own}")
    return found


_CACHE: dict[str, frozenset[str]] = {}
_STARTER_SETS = {lang: _words(text) for lang, text in _STARTERS.items()}
_STARTER_SETS[UNKNOWN] = frozenset().union(*_STARTER_SETS.values())


def ends_sentence(text: str, stop: int, lang: str, behind_at: int | None = None) -> bool:
    """Tell whether the full stop at `text[stop]`, which white space and no small letter follows, ends a sentence.

    Args:
        text: the text.
        stop: where the full stop is.
        lang: a language code.
        behind_at: where what follows begins, if marks that close a quotation or a bracket stand between.

    >>> [ends_sentence(text, text.index(". "), "de") for text in ("Abb. 3", "Prof. Kühn", "5 kg. Das", "Der 2. Platz")]
    [False, False, True, False]
    """
    token = [part for part in _BREAK.split(text[max(0, stop - _TOKEN_LIMIT) : stop]) if part]
    if not token or text[stop - 1].isspace():
        return True
    word = _ELISION.sub("", token[-1].lstrip(_OPENING))
    before = token[-2] if len(token) > 1 else ""
    at = behind_at or stop + 1
    behind = text[at : at + _TOKEN_LIMIT].lstrip()
    head = behind.lstrip(_OPENING)[:1]
    if word.isdigit():
        return not _is_ordinal(word, before, behind, lang)
    return _word_ends(word, before, behind, head, lang)


def _is_ordinal(word: str, before: str, behind: str, lang: str) -> bool:
    if len(word) > 2:
        return False
    following = behind.split(maxsplit=1)[0] if behind else ""
    bare = following.rstrip(".,;:)").lower()
    if int(word) <= 31 and bare in _MONTHS:
        return True
    if following[:1].isdigit():
        return bool(_DAY_OR_MONTH.fullmatch(following))
    if lang == "de" and following[:1].isupper():
        return before.lower().lstrip(_OPENING) in _BEFORE_ORDINAL and bare.capitalize() not in _STARTER_SETS["de"]
    return False


def _word_ends(word: str, before: str, behind: str, head: str, lang: str) -> bool:
    lower = word.lower()
    pair = f"{before.lower().lstrip(_OPENING)}{lower}" if before.endswith(".") and len(before) <= 4 else ""
    numbered = bool(before) and (
        bool(_NUMBER.fullmatch(before) or _ROMAN.fullmatch(before)) or before.rstrip(".").lower() in _SCALES
    )
    starts = _begins_with_a_starter(behind, lang)
    if (head.isdigit() or _ROMAN.match(behind)) and _is_before_number(lower, pair, lang):
        return not head.isdigit() and starts and lower not in words_before(lang)  # "I" is a word as well
    if head.isdigit() and numbered and len(word) <= 3 and lower not in _MAY_END:
        return False  # 6 ft. 2 in.
    if lower in _MAY_END or (pair in _MAY_END and (word.islower() or len(word) > 1)):
        return bool(pair) or numbered or lower not in _BEHIND_NUMBER
    if lower in _NAME_ENDS and (lang == UNKNOWN or lower not in words_before(lang)):
        return starts or lang not in _STARTER_SETS
    return _ends_before_word(word, pair, behind, lang, numbered=numbered, starts=starts)


def _is_before_number(lower: str, pair: str, lang: str) -> bool:
    words = words_before(lang)
    return lower in BEFORE_NUMBER or lower in words or pair in words or (lang == "de" and lower.endswith("str"))


def _ends_before_word(word: str, pair: str, behind: str, lang: str, *, numbered: bool, starts: bool) -> bool:
    lower = word.lower()
    initials = _is_initials(word)
    if (
        numbered
        and lower not in _SCALES | _NO_UNITS
        and (word.islower() or len(word) == 1 or not (word.isalpha() or initials))
    ):
        return True
    if pair in words_before(lang) or (lang == "de" and lower.endswith("str")):
        return False
    is_acronym = len(word) > 1 and word.isalpha() and word.isupper() and len(set(word)) > 1  # DNA, but MM. and EE.
    if lower in words_before(lang) and not is_acronym:
        return lang == UNKNOWN and starts and len(word) > 2 and lower not in words_before("en")
    if initials:
        return starts and not pair
    if len(word) == 1 and word.isalpha():
        return behind.lstrip(_OPENING)[:1].isupper() and not _INITIAL.match(behind)
    return numbered or not _looks_short(word, lang)


def _is_initials(word: str) -> bool:
    """Tell whether a word is made of capitals with stops or hyphens between: J, J.R, J.-P."""
    parts = re.split(r"[.\-]+", word)
    return all(len(part) == 1 and part.isupper() for part in parts)


def _begins_with_a_starter(behind: str, lang: str) -> bool:
    word = _WORD.match(behind.lstrip(_OPENING))
    if word is None or (len(word[0]) == 1 and behind.lstrip(_OPENING)[1:2] == "."):
        return False  # an initial
    return word[0] in _STARTER_SETS.get(lang, ())


def _looks_short(word: str, lang: str) -> bool:
    """Tell whether a word has no vowel and is no acronym in capitals."""
    if not 1 < len(word) <= 5 or not word[1:].islower() or not word.isalpha():
        return False
    lower = word.lower()
    if lang in _SYLLABIC_LANGUAGES and _SYLLABIC.search(lower):
        return False
    # Scripts without case mostly write no vowels, or write them as marks.
    return lower != word.upper() and not _VOWELS.search(lower)


def ends_english_sentence(text: str, stop: int) -> bool:
    """Tell whether a stop before a capital ends an English sentence although nupunkt takes it for an abbreviation's.

    >>> text = "It weighs 5 kg. The van came at 5 p.m. Monday, etc. It left."
    >>> [ends_english_sentence(text, stop) for stop in (14, 37, 50)]
    [True, False, True]
    """
    word = text[max(0, stop - _UNIT_TAIL) : stop]
    behind = text[stop + 1 : stop + _TOKEN_LIMIT].lstrip().lstrip(_OPENING)
    if _ENGLISH_UNIT.search(word):
        return not _AFTER_HOUR.match(behind)
    return bool(_LIST_END.search(word)) and _begins_with_a_starter(behind, "en")


_UNIT_TAIL = 16  # code points


def joins_behind_abbreviation(text: str, end: int, start: int) -> bool:
    """Tell whether an English span that ends at `end` goes on at `start`, behind an abbreviation: "Tab. / 2", "Lt. / Crane".

    >>> [joins_behind_abbreviation("See Tab. 2. Go.", end, start) for end, start in ((9, 9), (12, 12))]
    [True, False]
    """
    # Nearly always the stop and one space end the span, and no abbreviation stands before them.
    at = text.rfind(" ", max(0, end - _LONGEST_ENGLISH), end - 1) + 1
    if text[at : end - 2] not in _SUSPECTS:
        return False
    while end and text[end - 1].isspace():
        end -= 1
    at = text.rfind(" ", max(0, end - _LONGEST_ENGLISH), end) + 1
    if (not at and end >= _LONGEST_ENGLISH) or text[end - 1 : end] != ".":
        return False
    word = text[at : end - 1].lower().lstrip('(["“‘\n')
    if word in BEFORE_NUMBER:
        return text[start : start + 1].isdigit() and not text[max(0, at - 2) : at].rstrip()[-1:].isdigit()
    return word in words_before("en") and not _begins_with_a_starter(text[start : start + _UNIT_TAIL], "en")


_SUSPECTS = {""} | {
    opening + form
    for word in BEFORE_NUMBER | words_before("en")
    for form in (word, word.capitalize(), word.upper())
    for opening in ("", "(", "[")
}
_LONGEST_ENGLISH = 10  # code points of the longest abbreviation, its stop, a bracket and the space before it
