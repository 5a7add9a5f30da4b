"""Abbreviations of many languages, and words that begin sentences.

There are four kinds of abbreviations:

- before a number ("art. 12", "Abb. 3", "стр. 5"): similar in all languages, so there is one list;
- before a name or another word ("dott. Rossi", "bzw."): one list per language, because "on." is a title in Italian and a
  word in English;
- at the end of a list ("etc.", "usw."): they end the sentence if a capital follows;
- after a number ("5 kg.", "5 p.m."): likewise.
"""

from __future__ import annotations

UNKNOWN = "und"  # uses the lists of all languages
ANY = "*"  # a list that every language uses in addition to its own


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A full stop after one of these does not end the sentence if a digit or a Roman numeral follows. Before anything else the
# other lists decide.
BEFORE_NUMBER = _words(
    # Latin script: article, figure, table, page, number, volume, chapter, section, note, line, paragraph, telephone
    "abb abs abschn absn afb afd afl afsn al alin anl anm ann annex app appx arg art arts aufl avsn bd bde bibl bil bl "
    "bldg blz ch chap chaps cap caps capp cf cfr cit cl co col cols coll čl č čís d div doc dz ed eds ediz eq eqs eqn "
    "ex exp ext f fasc ff fig figg figs fn fol folg fr g gl gr h hfst hoofdst hs ibid illus incl it j k kap kl kor kpl l "
    "lám let lib lit lk ln lv m max maks max min mín n nn no nos nr núm núms nº n.º nro nt num obr odd odst "
    "öv op p pp pag pagg pág págs par para paras parr pkt pl plat ph pos pt pts poz pozn příl puh q r rad ref refs reg rdz rozdz "
    "ryc rys rz s ss sect sec secs ser sez sk st str sub suppl sv şek t tab tabb tabl taf taul tav tbl tel telef "
    "tél tit tlf tom ú úst ust v vd vgl vol vols vs w wyd z zał zob zv § kuva num cil ca env aprox approx circa cca cn resp "
    "rm az alleg all annexe bijl ek příl ad ss sid alc parr fsc lfg jhg hft aufg aufl "
    # Days of the week and months, before a day
    "mon tue tues wed thu thur thurs fri sat sun mo di mi do fr sa so lun mar mer mié mie jeu jue ven vie vier sam sáb dim dom gio "
    "seg ter qua qui sex ma wo vr za zo mån tis ons tors fre lör søn man lør pon pn wt śr czw pt sob niedz po út st čt pá ne pzt "
    "sal çar per cum cmt paz hétf pén vas ene genn oca şub tem ağu eyl kas ara stycz lut kwiet czerw lip sierp wrz paźdz listop grudz "
    "пн вт ср чт пт сб вс нд δευτ τρ τετ πέμ παρασκ σάβ κυρ ιαν φεβ φεβρ μαρτ απρ ιουν ιουλ αυγ σεπτ σεπ οκτ νοε νοεμ δεκ "
    "січ лют берез бер квіт трав черв лип серп вер верес жовт лист листоп груд "
    # Cyrillic
    "абз арт вип вол вып гл граф д додат ил им кв корп кн л лит м мал н ном оф п пар пп пл под пт пункт п.п р разд рис розд с "
    "сб св см дом др ст статт стр т табл тел тт тит ч част эт буд див дод зв оп под оп приблизно прим прил прибл ред ок "
    "в № поз пог "
    # Months, before a day or a year
    "jan janv feb febr fév févr mar apr avr abr ago jun jul juil aug août sep sept oct okt ott nov dec déc dic dez des "
    "янв февр фев мар апр авг сент окт нояб дек "
    # Greek
    "παράρτ σσ αρ άρθ αριθ εικ κεφ πίν παρ σελ σ τ τηλ τόμ τεύχ σχ υποσ στ στίχ γρ περ βλ "
    # Arabic, Devanagari
    "ص ج م رقم ت ق न नं पृ सं",
)  # fmt: skip

# A full stop after one of these never ends a sentence.
BEFORE_WORD = {
    ANY: "dr prof mr mrs ms messrs mme mlle st sta ste dipl ing phil rer jur rev gen col "
    "vs cf viz approx vgl i.e e.g ie eg et.al ca m.in p.ej",
    "en": "hon pvt rt fr bro gens gov sgt lt cpt capt maj cmdr adm sen rep pres supt ft mt esq figs eds incl excl dept univ assn al ave no nos eqn",
    "de": "abb az med dres vors präs bgm hptm obst oberst stv abt anm bd best betr bez bzgl bzw ca d.h dipl-ing dipl.-ing ebd einschl entspr evtl exkl fa fam frl geb "
    "ggf gegr gem gest hl hr hrn hrsg inkl insb insbes jh jg kath kfm kgl lfd lt max min mind mio mrd n nördl ö o.ä.m "
    "o.g österr od phil prof r röm s sog sr staatl städt südl tägl teilw tsd u u.a u.u v v.a verh verw vgl vorm wg westl östl "
    "z z.b z.t z.zt zz zzgl zw zzt zt str.nr i.d.r i.a m.e dipl.ing bspw durchschn ehem eigtl "
    "mo di mi do fr sa so st theol jun sen allg abs art nr tab kap pl ltg",
    "fr": "mm pdt prés cons maj mme mmes mlle mlles mgr dr pr me env resp ex p.ex c.-à-d c.à.d cf chap éd ed dir av boul bd fbg pl st ste "
    "sts janv févr avr juil sept oct nov déc art fig tabl vol t p pp hab adj conf vx art.cit op.cit loc.cit bull coll",
    "es": "pdte pdta pres secr vpdte sr sra sres srta srtas sras dr dra dres dras d dª dña dn prof profa ing lic arq gral cnel cap tte sgto alm ud "
    "uds vd vds av avda avdas pza pl pza plza c ctra urb p.ej ej ee p fig figs pág págs núm núms vol art arts cap tel "
    "sta sto sto fco ma mª excmo excma ilmo ilma rvdo fr mons pte dpto dto depto edo aprox máx mín col trad ed incl",
    "it": "pres vicepres segr sig sigg sig.ra sig.na sigra dott dott.ssa dottssa dr prof prof.ssa profssa ing arch avv geom rag on sen cav comm "
    "gen col cap magg ten mons don s ss sta es ad.es p.es v vd cfr ca c.so p.zza pza p.le v.le l.go v.lo str fraz loc prov "
    "art artt fig figg pag pagg vol voll n nn cap capp par tav ed cit op.cit tel egr spett gent dev rev min ecc.mo f.lli "
    "genn febbr apr magg giu lug ag sett ott nov dic resp sez fam",
    "pt": "pres gov sec sr sra srs sras srta dr dra drs dras prof profa profs eng engª eng.ª arq gen cel cap ten sgt maj alm d dª d.ª "
    "av r trav pç pça lg estr rod apto al exmo exma ilmo v.exa v p.ex ex aprox máx mín fig figs pág págs pp vol art arts núm tel "
    "sta sto st fr pe mons depto dept ed trad org orgs séc incl jan fev mar abr mai jun jul ago set out nov dez",
    "nl": "burg pres voorz secr dhr mevr mw mej dr drs prof ir ing mr ds jhr st jl bijv bv bvb d.w.z dwz o.a oa m.b.t mbt m.a.w i.p.v i.v.m t.a.v "
    "t.o.v n.a.v t.b.v t.g.v o.b.v a.h.v e.d resp ca max min vgl zgn zg nl evt excl incl afb tab blz nr hfst par dl art "
    "jan feb mrt apr jun jul aug sept okt nov dec geb ged gest nml v.d",
    "sv": "ordf sekr bl.a bla d.v.s dvs f.d fd fr.o.m from t.ex tex t.o.m tom s.k sk resp ca c:a dr prof ing fil kand docent kl nr s "
    "fig tab kap avsn art jfr eg ev ex exkl inkl max min milj mdr tel st s:t s:ta jan feb mar apr aug sept okt nov dec ung "
    "övers uppl utg red p.g.a pga m.a.o i.o.m "
    "u.a hr o.dyl",
    "da": "formd fmd borgm bl.a bla ca cand d dr d.v.s dvs f.eks feks fx eks ekskl inkl evt hhv hr fr frk if ifm iflg if.m ing jf jfr kl kap maks max "
    "min mio mia nr nuv pct prof red resp s sct skt st str tab fig tlf tel ung vedr mht mh.t pga p.g.a m.fl.a o.lign "
    "jan feb mar apr aug sept okt nov dec",
    "no": "form bl.a bla ca dr d.v.s dvs f.eks feks eks ekskl inkl evt hhv hr fr frk iflg ing jf jfr kl kap maks max min mill mrd "
    "nr prof red resp s st tab fig tlf tel vedr mht pga p.g.a o.l jan feb mar apr aug sept okt nov des",
    "fi": "pj puh.joht siht esim ks vrt mm ts toim tri tri. prof dos ins dipl dipl.ins fil maist n noin nk ns klo k s ss v vv synt k. kuv taul luk puh "
    "os p kpl ent ao ap em ko so til tai vast lyh rva hra nti st pyh milj mrd t ym. "
    "tammik helmik maalisk huhtik toukok kesäk heinäk elok syysk lokak marrask jouluk",
    "pl": "przew prez wicep min al art bł ch dr dyr doc ds dot dz fot gen godz hab hr im inż itp. jw kard kl ks kś lic lek m.in maks mar mec mgr min mjr "
    "mł n np nr nt ob obj os oprac p pkt płk pł pn por pow poz pp prof przyp ps pt pl r.ż red reż rozdz rys sp śp "
    "st str św tab tel tj tłum tys tzn tzw ul ust ur wg woj wyd wz zach zam zał zm zob zw św św.p mln mld ok pok hr "
    "sen kpt ppłk por zł.gr nauk nb",
    "cs": "předs místopř taj akad arch bc bž č čes čl čp dr doc dr.h.c gen hl hod. ing j j.č judr jr jz kap kpt mgr mjr mudr m.j mj např "
    "např. nám n.l obr odd odst op os p paní phdr pl plk pplk por pozn prof př příp r.č rndr resp roč s sv sev st str stol "
    "sl slovn tab tel tis tj tř t.j tzn tzv t.zn ul v vl v.r vč viz zejm zkr zn zvl maj max min mil mld dle ev event cca ca pí "
    "led ún břez dub květ červ srp zář říj list pros",
    "ro": "pres vicepreş dl d-l dna d-na dra d-ra dlui dr prof ing arh av acad gen col mr lt cpt sf str bd bdul b-dul cal șos aleea nr art alin "
    "fig tab pag p vol cap lit de.ex ex cca aprox max min sec. ed coord trad red jud loc com or "
    "tel ap et bl sc ian feb mart apr iun iul aug sept oct noi dec mil mld",
    "tr": "bşk yrd sek dr prof doç yrd av müh mim sn bay bkz krş örn yy. alb gen tğm ütğm yzb bnb org korg tüm cad sok sk mah blv bul apt "
    "no nr s ss şek tab böl bl c cilt çev haz yay ed ör ort yakl tel vd. m.ö m.s i.ö i.s ms mö hz st",
    "ru": "предс секр пред акад арт архиеп архим англ бул в.т.ч вел вост губ гр гос греч до доц др д-р ж.-д жен зам зап зав изд инж ин-т им им. "
    "исп итал кап кн корр к.т.н лат лейт мин муж напр наб нар нач нем нов о обл оз ок о-в пер пл пос польск пр просп пр-т проф "
    "псевд р-н ред рис рожд род рус с сев сент см соч ср св ст стр сб т т.е т.н тел т.к тов ул укр ум ур устар фам фр "
    "ч чл чл.-корр ш шт шос юж яз янв февр апр авг окт нояб дек тыс млн млрд под ген полк прим",
    "uk": "гол секр заст акад арх англ бул бульв вид вул в.т.ч гр д-р див доц др ім інж ін-т кн кол лат м мал мін напр наб нар нач нім о обл "
    "оз ок пер пл пос пр просп проф р-н ред рис род розд с св сел січ см ст стор т т.зв т.н т.є т.к табл тел тов ч чл "
    "чл.-кор ш шт лют берез квіт трав черв лип серп верес жовт листоп груд тис млн млрд ген полк прим зб порівн",
    "el": "πρόεδρ πρ υφυπ κ κα κος κκ κας δρ δρα καθ αγ άγ αρχ αρ άρθ βλ πρβ δηλ εικ εκατ εκδ επ επιμ κεφ λεωφ λ οδ μτφ μτφρ ό.π ον π.χ παρ περ "
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
BEFORE_WORD["nb"] = BEFORE_WORD["nn"] = BEFORE_WORD["no"]
BEFORE_WORD["be"] = BEFORE_WORD["ru"]
BEFORE_WORD["sr"] = BEFORE_WORD["bs"] = BEFORE_WORD["sl"] = BEFORE_WORD["hr"]
BEFORE_WORD["gl"] = BEFORE_WORD["es"]

# A full stop after one of these ends the sentence if a capital follows.
MAY_END = _words(
    "etc usw osv m.m m.fl mfl m.v itd itp i.t.d atd apod aj enz e.d e.a ecc jne yms ym mv m.m. o.m.a tml stb stbv vb vd vs "  # and so on
    "ff seq ibid a.c d.c av.j.-c apr.j.-c b.c b.c.e c.e a.d v.chr n.chr v.u.z n.u.z n.e p.n.e př.n.l n.l p.kr e.kr f.kr "  # eras
    "e.kr. eaa jaa i.sz f.v.t e.v.t fvt "
    "a.m p.m am pm t.t.c ttc h.t s.a s.p.a s.r.l s.r.o a.s b.v n.v "
    "u.ä o.ä o.dgl u.dgl dgl u.a.m u.v.m uvm usf j.l "
    "т.д т.п др пр н.э р.х гг вв г в р рр ст т.д.. і.т.д ін н.е ін "
    "κ.λπ κλπ κ.ά π.μ μ.μ π.χ. μ.χ κ.α κ.τ.λ κτλ",
)  # fmt: skip
# Last words of company and personal names. The name may continue ("Bros. Ltd.", "Co. KG"), so the sentence ends only before
# a word from `STARTERS`.
NAME_ENDS = _words("inc ltd co corp bros llc plc jr sr")
# These end a sentence only after a number ("1998 г.", "XIX в.", "1998 r."). Elsewhere they abbreviate other words.
BEHIND_NUMBER = _words("г гг в вв р рр ст w r hod h m g l s t v w в.о ρ μ kr j. p n c d f k mm b")
# Abbreviated number words ("3 Mio. Euro"): with the number before them they form a number, so they are not units.
SCALES = _words(
    "mio mrd mia mill milj mdr tsd tis tys mln mld mil mlrd хил тыс млн млрд тис χιλ εκατ δισ",
)  # fmt: skip
# Units of measurement after a number ("5 m.", "35 min."), other abbreviations before a name.
UNITS = _words("мин хв кг км см g gr m l t h s st hod min mín max r w v k c ч г м л т р с κ μ λ σ δ ή u j")

# Capitalised words that begin a sentence; after an abbreviation or an initial they are not part of a name.
STARTERS = {
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
STARTERS["nb"] = STARTERS["nn"] = STARTERS["no"]

# Words before an ordinal ("der 2. Weltkrieg"). Only German needs them, because its nouns begin with a capital.
BEFORE_ORDINAL = _words(
    "der die das den dem des am im ins zum zur vom beim jeder jede jedes jeden ein eine einen einem einer eines sein seine "
    "seinen seinem seiner ihr ihre ihren ihrem ihrer mein meine unser unsere dieser diese dieses diesen diesem ab bis seit "
    "und oder von",
)  # fmt: skip

MONTHS = _words(
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


def words_before(lang: str) -> frozenset[str]:
    """Return the abbreviations of a language after which a full stop never ends a sentence, in lower case."""
    found = _CACHE.get(lang)
    if found is None:
        own = " ".join(BEFORE_WORD.values()) if lang == UNKNOWN else BEFORE_WORD.get(lang, "")
        found = _CACHE[lang] = _words(f"{BEFORE_WORD[ANY]} {own}")
    return found


_CACHE: dict[str, frozenset[str]] = {}
STARTER_SETS = {lang: _words(text) for lang, text in STARTERS.items()}
STARTER_SETS[UNKNOWN] = frozenset().union(*STARTER_SETS.values())
