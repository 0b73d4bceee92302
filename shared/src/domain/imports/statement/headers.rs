//! What the words of a header row mean, in the languages of the banks. Words are written as `text::plain_words` gives
//! them: lower-case ASCII, accents folded, apostrophes dropped.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::currencies::is_supported;
use super::text::plain_words;

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// When the account's balance changed.
    Booked,
    /// When the purchase was made.
    Operation,
    /// From when interest counts.
    Value,
    Amount,
    /// An amount whose header says that spending is positive.
    AmountOut,
    Debit,
    Credit,
    Balance,
    Flag,
    Currency,
    /// The other party, whichever way the money went.
    Party,
    Payee,
    Payer,
    Details,
    Kind,
    Note,
    Id,
    Status,
    /// Known, and of no use here: never to be taken for something else.
    Other,
}

/// A header cell understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) role: Role,
    /// Longer words are more specific: `naam tegenpartij` beats `naam`.
    pub(super) weight: usize,
    /// `Betrag (EUR)` names the currency too.
    pub(super) currency: Option<String>,
    /// A word that English does not use: then the month does not come first in dates.
    pub(super) foreign: bool,
}

/// So many entries of the table are English.
const ENGLISH: usize = 19;

#[rustfmt::skip]
const TABLE: &[(Role, &str)] = &[
    // English
    (Role::Booked, "date|booking date|posting date|posted date|post date|date posted|posted|completed date|date completed|entry date|booked|booked date|date booked|accounting date|created|created at|datetime|date time|timestamp|processed date|processing date|settlement date|settled date|date utc"),
    (Role::Operation, "transaction date|trans date|txn date|tran date|date of transaction|purchase date|started date|operation date|effective date|authorised on|transaction time|transaction date time|date started"),
    (Role::Value, "value date|valuedate|val date|value dt"),
    (Role::Amount, "amount|transaction amount|value|amount gbp|billing amount|net amount|amount in account currency|net|sum|total amount|amount paid|account amount|txn amount|booked amount"),
    (Role::AmountOut, "amount spending positive"),
    (Role::Debit, "debit|debits|debit amount|withdrawal|withdrawals|withdrawal amount|withdrawal amt|paid out|money out|out|outflow|payments out|debit amt|charges|amount debit|dr|debit dr|spent|expense|outgoing"),
    (Role::Credit, "credit|credits|credit amount|deposit|deposits|deposit amount|deposit amt|paid in|money in|in|inflow|payments in|credit amt|amount credit|cr|credit cr|received|income|incoming"),
    (Role::Balance, "balance|running balance|account balance|closing balance|available balance|ledger balance|balance after|current balance|running bal"),
    (Role::Flag, "debit credit|credit debit|debit credit indicator|credit debit indicator|dr cr|cr dr|d c|dc|debit or credit|cd indicator|transaction direction|direction|money in out"),
    (Role::Currency, "currency|ccy|curr|currency code|account currency|transaction currency"),
    (Role::Party, "name|merchant|merchant name|counterparty|counterparty name|counter party|other party|partner|partner name|payee payer|payer payee|vendor|shop|contact|to from|counterparty account name"),
    (Role::Payee, "payee|payee name|beneficiary|beneficiary name|recipient|paid to|target name|to"),
    (Role::Payer, "payer|payer name|sender|remitter|ordering party|source name|received from"),
    (Role::Details, "description|details|transaction details|transaction description|narrative|narration|particulars|memo|remarks|transaction remarks|text|purpose|payment details|transaction|statement description|description 1|description 2|description 3|narrative 1|narrative 2|narrative 3|appears on your statement as|extended details|message"),
    (Role::Kind, "type|transaction type|trans type|txn type|payment type|kind|transaction kind|tran type|transaction category type"),
    (Role::Note, "note|notes|reference|payment reference|comment|comments|tags|reference text|notes and tags|ref|your reference"),
    (Role::Id, "id|transaction id|txn id|unique id|fitid|tx id|external id|transaction identifier|transaction number id|bank reference id|uuid|transfer wise id|entry id"),
    (Role::Status, "status|state|transaction status|booking status|pending"),
    (Role::Other, "account|account number|account name|account no|iban|bic|swift|sort code|category|subcategory|sub category|card|card number|card no|card member|cardholder|cheque number|check number|check|cheque|cheque no|chq ref number|chq no|exchange rate|rate|fee|fees|commission|tax|vat|time|time zone|timezone|product|receipt|address|emoji|branch|bank|bank code|local amount|local currency|original amount|original currency|foreign amount|foreign currency|foreign spend amount|gross|number|no|serial|sequence|year|month|country|city|postcode|postal code|zip code|zip|mcc|town city|statement number|balance currency|fee currency|amount foreign currency|account id|account holder|items|quantity|source amount after fees|target amount|target currency|source fee amount|merchant category|user|location|transaction no|transaction number|reference number|ref no|counterparty account number|counterparty iban|beneficiary account|payee account"),
    // German
    (Role::Booked, "datum|buchungsdatum|buchungstag|buchung|gebucht|gebucht am|abschlussdatum|umsatztag|umsatzdatum|erfassungsdatum|verbucht|buchungszeitpunkt"),
    (Role::Operation, "transaktionsdatum|belegdatum|kaufdatum|umsatz getatigt von|datum der transaktion|einkaufsdatum|auftragsdatum"),
    (Role::Value, "wertstellung|wertstellungsdatum|wertstellungstag|valuta|valutadatum|wert"),
    (Role::Amount, "betrag|umsatz|buchungsbetrag|transaktionsbetrag|betrag in eur|einzelbetrag|umsatzbetrag|summe"),
    (Role::Debit, "soll|belastung|belastungen|ausgabe|ausgaben|lastschrift|abgang|ausgang|auszahlung"),
    (Role::Credit, "haben|gutschrift|gutschriften|einnahme|einnahmen|eingang|zugang|einzahlung"),
    (Role::Balance, "saldo|kontostand|saldo nach buchung|neuer saldo"),
    (Role::Flag, "soll haben|soll haben kennzeichen|s h|sh|haben soll|umsatzrichtung"),
    (Role::Currency, "wahrung|waehrung|whrg|wkz|kontowahrung|buchungswahrung"),
    (Role::Party, "auftraggeber empfanger|auftraggeber empfaenger|beguenstigter zahlungspflichtiger|begunstigter zahlungspflichtiger|name zahlungsbeteiligter|zahlungsbeteiligter|auftraggeber beguenstigter|auftraggeber begunstigter|empfanger auftraggeber|empfanger zahlungspflichtiger|empfaenger zahlungspflichtiger|handler|haendler|partnername|transaktionspartner|gegenpartei|zahlungsempfanger zahlungspflichtiger|name des partners|auftraggeber zahlungsempfanger|zahlungspartner"),
    (Role::Payee, "empfanger|empfaenger|zahlungsempfanger|zahlungsempfaenger|zahlungsempfanger in|zahlungsempfangerin|begunstigter|beguenstigter|empfanger name"),
    (Role::Payer, "zahlungspflichtiger|zahlungspflichtige r|auftraggeber|absender|auftraggeber name"),
    (Role::Details, "verwendungszweck|beschreibung|vorgang verwendungszweck|umsatztext|buchungsdetails|bezeichnung|buchungsinformation|buchungsinformationen|zahlungsgrund|vwz|verwendungszweck 1|mitteilung|avisierungstext"),
    (Role::Kind, "buchungstext|transaktionstyp|umsatzart|buchungsart|vorgang|umsatztyp|transaktionsart|art"),
    (Role::Note, "notiz|bemerkung|kommentar|referenz|kundenreferenz|notizen|zusatzinformation"),
    (Role::Id, "transaktions id|transaktionsnummer|umsatz id|buchungsreferenz"),
    (Role::Status, "umsatzstatus|buchungsstatus"),
    (Role::Other, "kontonummer|blz|kategorie|wechselkurs|kurs|fremdwahrung|betrag fremdwahrung|fremdwahrungsbetrag|betrag ursp wahrung|ursp wahrung|originalbetrag|originalwahrung|auftragskonto|konto|kontoinhaber|gebuhr|uhrzeit|glaubiger id|glaubiger id|mandatsreferenz|kundenreferenz end to end|sammlerreferenz|lastschrift ursprungsbetrag|auslagenersatz rucklastschrift|karte|kartennummer|buchungsnummer|kontonummer iban|bic swift code|betrag in fremdwahrung|unterkategorie"),
    // French
    (Role::Booked, "date de comptabilisation|date comptable|date de comptabilite|dateop|date ecriture|date de fin"),
    (Role::Operation, "date doperation|date de loperation|date operation|date de transaction|date transaction|date de debut|date dachat"),
    (Role::Value, "date de valeur|date valeur|dateval|valeur"),
    (Role::Amount, "montant|montant de loperation|montant euros|montant net|montant operation"),
    (Role::Debit, "debits|depense|depenses|retrait|retraits|debit euros|montant debit"),
    (Role::Credit, "depot|depots|recette|recettes|versement|credit euros|montant credit"),
    (Role::Balance, "solde|solde comptable"),
    (Role::Flag, "sens|debit credit|sens de loperation"),
    (Role::Currency, "devise|monnaie|devise du compte"),
    (Role::Party, "tiers|contrepartie|nom de la contrepartie|nom contrepartie|commercant|nom du tiers"),
    (Role::Payee, "beneficiaire|destinataire"),
    (Role::Payer, "emetteur|donneur dordre|payeur"),
    (Role::Details, "libelle|libelle simplifie|libelle operation|libelle de loperation|designation|nature de loperation|motif|detail|communication|communications|intitule|label"),
    (Role::Kind, "type operation|type doperation|type de transaction|nature|type de loperation"),
    (Role::Note, "informations complementaires|remarque|commentaire|infos complementaires"),
    (Role::Id, "numero de transaction|id transaction|identifiant"),
    (Role::Status, "etat|statut"),
    (Role::Other, "compte|numero de compte|categorie|sous categorie|pointage operation|taux de change|frais|produit|montant devise|devise dorigine|montant dorigine|heure"),
    // Spanish and Portuguese
    (Role::Booked, "fecha|fecha contable|fecha de contabilizacion|fecha de registro|data|data lancamento|data do lancamento|data mov|data movimento|data do movimento|data contabilistica|fecha de finalizacion|data de conclusao|data lanc"),
    (Role::Operation, "fecha operacion|fecha de operacion|fecha de la operacion|f operacion|fecha de transaccion|fecha transaccion|fecha de compra|data operacao|data da operacao|data da transacao|data da compra|fecha de inicio"),
    (Role::Value, "fecha valor|fecha de valor|f valor|data valor|data de valor"),
    (Role::Amount, "importe|monto|cantidad|importe eur|valor|montante|valor r|quantia|importancia|valor da transacao|importe euros"),
    (Role::Debit, "cargo|cargos|debe|debito|debitos|retiro|retiros|gasto|gastos|pagos|saida|saidas|despesa|despesas|saida r"),
    (Role::Credit, "abono|abonos|haber|credito|creditos|deposito|depositos|ingreso|ingresos|entrada|entradas|receita|receitas|entrada r"),
    (Role::Balance, "saldo disponible|saldo contabilistico|saldo apos|saldo actual|saldo r"),
    (Role::Flag, "debito credito|cargo abono|tipo dc"),
    (Role::Currency, "divisa|moneda|moeda"),
    (Role::Party, "contraparte|comercio|beneficiario ordenante|ordenante beneficiario|estabelecimento|origem destino|nome"),
    (Role::Payee, "beneficiario|destinatario|favorecido"),
    (Role::Payer, "ordenante|remitente|remetente|pagador"),
    (Role::Details, "concepto|descripcion|detalle|detalles|movimiento|descricao|historico|lancamento|descritivo|titulo|concepto movimiento|descricao do movimento"),
    (Role::Kind, "tipo|tipo de movimiento|tipo de transaccion|tipo de operacion|tipo de transacao|tipo de movimento|tipo movimiento"),
    (Role::Note, "observaciones|mas datos|notas|referencia|observacoes|comentario|comentarios|informacion adicional"),
    (Role::Id, "id de transaccion|id da transacao|identificador|numero de transaccion"),
    (Role::Status, "estado|situacao"),
    (Role::Other, "cuenta|numero de cuenta|categoria|subcategoria|oficina|tarjeta|conta|agencia|comision|tipo de cambio|hora|producto|documento|n documento|dcto"),
    // Italian
    (Role::Booked, "data contabile|data registrazione|data di registrazione|data contabilizzazione|data completamento"),
    (Role::Operation, "data operazione|data movimento|data transazione|data di inizio|data acquisto"),
    (Role::Value, "data valuta"),
    (Role::Amount, "importo|ammontare|importo eur|importo euro|importo in euro|importo operazione|importo netto"),
    (Role::Debit, "dare|uscite|uscita|addebiti|addebito|importo dare|importo addebito"),
    (Role::Credit, "avere|entrate|entrata|accrediti|accredito|importo avere|importo accredito"),
    (Role::Balance, "saldo contabile|saldo progressivo"),
    (Role::Flag, "dare avere|segno|d a"),
    (Role::Party, "controparte|esercente|beneficiario ordinante|ordinante beneficiario|nome controparte"),
    (Role::Payer, "ordinante|mittente"),
    (Role::Details, "descrizione|causale|descrizione operazione|descrizione estesa|dettagli|dettaglio|operazione|descrizione movimento|descrizione completa"),
    (Role::Kind, "tipologia|causale abi|tipo operazione|tipo movimento|tipo transazione"),
    (Role::Note, "riferimento|note aggiuntive|commenti"),
    (Role::Id, "id transazione|codice transazione"),
    (Role::Status, "stato"),
    (Role::Other, "conto|numero conto|filiale|carta|canale|categoria spesa"),
    // Dutch
    (Role::Booked, "boekdatum|boekingsdatum|verwerkingsdatum|datum boeking"),
    (Role::Operation, "transactiedatum|uitvoeringsdatum|aankoopdatum|datum transactie"),
    (Role::Value, "rentedatum|valutadatum"),
    (Role::Amount, "bedrag|transactiebedrag|bedrag eur|bedrag in eur|mutatiebedrag"),
    (Role::Debit, "debet|af|uitgaven|uit|afschrijving|bedrag af"),
    (Role::Credit, "bij|inkomsten|bijschrijving|bedrag bij"),
    (Role::Balance, "saldo na mutatie|saldo na trn|saldo na boeking|beginsaldo|eindsaldo|saldo voor mutatie"),
    (Role::Flag, "af bij|debet credit|af of bij|code debet credit|bij af"),
    (Role::Currency, "munt|muntsoort|valuta|valutacode|munteenheid"),
    (Role::Party, "naam|naam tegenpartij|tegenpartij|naam omschrijving|naam tegenrekening|naam van de tegenpartij|naam tegenpartij bevat|winkel"),
    (Role::Payee, "begunstigde|ontvanger|naam begunstigde"),
    (Role::Payer, "opdrachtgever|betaler"),
    (Role::Details, "omschrijving|mededeling|mededelingen|omschrijving 1|omschrijving 2|omschrijving 3|vrije mededeling|boodschap|transactieomschrijving"),
    (Role::Kind, "mutatiesoort|transactiesoort|transactietype|type verrichting|soort"),
    (Role::Note, "gestructureerde mededeling|opmerking|kenmerk|betalingskenmerk|omschrijving extra"),
    (Role::Id, "volgnr|volgnummer|transactie id|transactienummer|transactiereferentie"),
    (Role::Other, "rekeningnummer|rekening|tegenrekening|rubrieknaam|afschriftnummer|rekeningnummer tegenpartij|bic tegenpartij|adres tegenpartij|wisselkoers|oorspr bedrag|oorspr munt|tegenrekening iban bban|iban bban|tag|code|adres|rekening tegenpartij"),
    // Polish
    (Role::Booked, "data ksiegowania|data zaksiegowania|data rozliczenia"),
    (Role::Operation, "data operacji|data transakcji|data zlecenia"),
    (Role::Value, "data waluty"),
    (Role::Amount, "kwota|kwota operacji|kwota transakcji|kwota w walucie rachunku|kwota transakcji waluta rachunku"),
    (Role::Debit, "obciazenia|obciazenie|wydatki|wydatek|wyplaty|kwota obciazenia"),
    (Role::Credit, "uznania|uznanie|wplywy|wplyw|wplaty|kwota uznania"),
    (Role::Balance, "saldo po operacji|saldo po transakcji|saldo koncowe|saldo po"),
    (Role::Flag, "obciazenie uznanie|strona|wn ma"),
    (Role::Currency, "waluta|waluta rachunku"),
    (Role::Party, "nadawca odbiorca|odbiorca nadawca|kontrahent|dane kontrahenta|nazwa kontrahenta|odbiorca zleceniodawca|sprzedawca"),
    (Role::Payee, "odbiorca|nazwa odbiorcy|beneficjent"),
    (Role::Payer, "nadawca|nazwa nadawcy|zleceniodawca"),
    (Role::Details, "opis|tytul|opis operacji|opis transakcji|tytul operacji|szczegoly|tytulem"),
    (Role::Kind, "typ|rodzaj|typ transakcji|rodzaj operacji|rodzaj transakcji|typ operacji"),
    (Role::Note, "notatka|notatki|uwagi"),
    (Role::Id, "id transakcji|nr transakcji|numer transakcji|identyfikator"),
    (Role::Other, "numer rachunku|rachunek|numer konta|konto|kategoria|nr rachunku|nazwa banku|kwota w walucie transakcji"),
    // Czech and Slovak
    (Role::Booked, "datum zauctovani|datum zuctovani|zauctovano|datum zauctovania|datum pohybu|datum zaevidovani"),
    (Role::Operation, "datum provedeni|datum transakce|datum operace|datum transakcie|datum a cas|datum uskutecneni"),
    (Role::Value, "datum valuty|valuta datum"),
    (Role::Amount, "castka|objem|castka v mene uctu|zauctovana castka|suma|ciastka|castka transakce"),
    (Role::Debit, "vydaje|vydaj|odchozi|vyber|odepsano|na vrub"),
    (Role::Credit, "prijmy|prijem|prichozi|vklad|kredit|pripsano|ve prospech"),
    (Role::Balance, "zustatek|zostatok|zustatek po transakci|stav uctu"),
    (Role::Flag, "smer|smer platby|prijem vydaj"),
    (Role::Currency, "mena|mena uctu"),
    (Role::Party, "nazev protiuctu|protistrana|nazev protistrany|obchodnik|jmeno protistrany|nazev obchodnika|nazov protiuctu|partner nazev"),
    (Role::Payee, "prijemce|prijemca|nazev prijemce"),
    (Role::Payer, "platce|odesilatel"),
    (Role::Details, "popis|zprava pro prijemce|zprava|popis transakce|misto|ucel|poznamka pro me|popis operace|sprava pre prijemcu"),
    (Role::Kind, "typ transakce|typ operace|typ pohybu|typ platby"),
    (Role::Note, "poznamka|vlastni poznamka|reference platby"),
    (Role::Id, "id pohybu|id transakce|id operace|id transakcie|cislo transakce|referencni cislo"),
    (Role::Other, "cislo uctu|protiucet|kod banky|vs|ks|ss|variabilni symbol|konstantni symbol|specificky symbol|nazev banky|provedl|cislo protiuctu|poplatek|kurz|ucet|castka v mene transakce|puvodni castka|puvodni mena|id pokynu"),
    // Hungarian
    (Role::Booked, "konyveles datuma|konyvelesi datum|konyvelesi nap|konyveles napja|konyvelve|teljesites datuma"),
    (Role::Operation, "tranzakcio datuma|tranzakcio idopontja|vasarlas datuma|tranzakcio napja|tranzakcio datuma es ideje"),
    (Role::Value, "ertek nap|erteknap|erteknapja"),
    (Role::Amount, "osszeg|tranzakcio osszege|konyvelt osszeg|osszege"),
    (Role::Debit, "terheles|terhelesek|kiadas"),
    (Role::Credit, "jovairas|jovairasok|bevetel"),
    (Role::Balance, "egyenleg|konyvelt egyenleg|szamlaegyenleg"),
    (Role::Flag, "terheles jovairas|t j|terheles vagy jovairas|terheles jovairas t j|irany"),
    (Role::Currency, "deviza|devizanem|penznem|szamla devizaneme"),
    (Role::Party, "partner neve|ellenoldali nev|partner elnevezese|partner nev|ellenoldali szamla tulajdonosa"),
    (Role::Payee, "kedvezmenyezett|kedvezmenyezett neve"),
    (Role::Payer, "fizeto|kuldo"),
    (Role::Details, "kozlemeny|leiras|megnevezes|kozlemenyek"),
    (Role::Kind, "tranzakcio tipusa|tipus|forgalom tipusa|tranzakcio tipus|jogcim"),
    (Role::Note, "megjegyzes"),
    (Role::Id, "tranzakcio azonosito|tranzakcio azonositoja|azonosito|bizonylatszam"),
    (Role::Other, "szamlaszam|szamla szam|ellenszamla|konyvelesi szamla|kategoria|partner szamlaszama|partner szamla|ellenoldali szamlaszam|eredeti osszeg|eredeti devizanem"),
    // Swedish, Danish, Norwegian, Finnish
    (Role::Booked, "bokforingsdag|bokforingsdatum|bokford|bokforingsdatum|dato|bogforingsdato|bogfort|bokfort|bokforingsdato|bokfort dato|kirjauspaiva|pvm|paivamaara|bokforings datum|reskontradatum"),
    (Role::Operation, "transaktionsdag|kopdatum|transaksjonsdato|utfort dato|maksupaiva|inkopsdatum"),
    (Role::Value, "valutadag|rentedato|valordato|valuteringsdag|arvopaiva|valutadato"),
    (Role::Amount, "belopp|belob|belop|maara|maara euroa|summa|beloeb|belopp sek"),
    (Role::Debit, "uttag|utgift|utgifter|ut fra konto|ut av konto|ut|belop ut|haevet"),
    (Role::Credit, "insattning|insattningar|inkomst|inn pa konto|inn|belop inn|indsat"),
    (Role::Balance, "bokfort saldo|bokford saldo|tillgangligt belopp"),
    (Role::Party, "namn|motpart|navn|saaja maksaja|modpart|mottagare avsandare|avsandare mottagare"),
    (Role::Payee, "mottagare|modtager|mottaker|saaja"),
    (Role::Payer, "avsandare|afsender|avsender|maksaja"),
    (Role::Details, "beskrivning|specifikation|meddelande|rubrik|transaktion|forklaring|tekst|beskrivelse|viesti|selitys|transaktionstext|besked|referens"),
    (Role::Kind, "transaktionstyp|tapahtumalaji|transaktionsslag"),
    (Role::Id, "verifikationsnummer|transaktionsnr|arkistointitunnus|transaktionsid"),
    (Role::Other, "kontonummer|clearingnummer|radnummer|kontonamn|kontotyp|kurs|utlandsbelopp|valutakurs|utlandskt belopp|korttyp|ursprungligt belopp"),
    // Turkish, Romanian, Croatian and neighbours
    (Role::Booked, "tarih|islem tarihi|data tranzactiei|datum knjizenja|datum izvrsenja|data inregistrarii"),
    (Role::Amount, "tutar|islem tutari|iznos|znesek"),
    (Role::Debit, "borc|isplata|isplate|odliv|breme"),
    (Role::Credit, "alacak|uplata|uplate|priliv|dobro"),
    (Role::Balance, "bakiye|sold|stanje"),
    (Role::Currency, "para birimi|doviz|moneda contului|valuta racuna"),
    (Role::Details, "aciklama|descriere|detalii|opis placanja|svrha|namen|detalii tranzactie"),
    (Role::Party, "naziv|platitelj primatelj|beneficiar"),
];

/// What a header cell means, if anything is known of it.
pub(super) fn heading(cell: &str) -> Option<Heading> {
    if cell.len() > 120 {
        return None;
    }
    let mut currency = None;
    let words: Vec<String> = cell
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'))
        .filter(|word| !word.is_empty())
        .filter(|word| {
            let found = is_supported(word);
            if found {
                currency = Some((*word).to_owned());
            }
            !found
        })
        .map(str::to_owned)
        .collect();
    if currency.is_none() {
        currency = match () {
            () if cell.contains('€') || cell.to_lowercase().contains("euro") => Some("EUR".to_owned()),
            () if cell.contains('£') => Some("GBP".to_owned()),
            () if cell.contains('₹') => Some("INR".to_owned()),
            () if cell.contains("R$") => Some("BRL".to_owned()),
            () => None,
        };
    }
    let mut name = plain_words(&words.join(" "));
    if currency.is_some() {
        let bare = name
            .trim_end_matches(" euro")
            .trim_end_matches(" euros")
            .trim_end_matches(" in")
            .trim_end_matches(" en")
            .trim_end_matches(" r");
        name.truncate(bare.len());
    }
    lookup(&name).map(|(role, weight, foreign)| Heading { role, weight, currency, foreign })
}

/// Phrase to role and whether it is foreign to English; of a phrase in several languages the first entry counts.
static PHRASES: LazyLock<HashMap<&'static str, (Role, bool)>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for (at, (role, phrases)) in TABLE.iter().enumerate() {
        for phrase in phrases.split('|') {
            map.entry(phrase).or_insert((*role, at >= ENGLISH));
        }
    }
    map
});

fn lookup(name: &str) -> Option<(Role, usize, bool)> {
    if let Some((role, foreign)) = PHRASES.get(name) {
        return Some((*role, name.len() + 100, *foreign));
    }
    // Words inside a longer name; short ones such as `in` or `af` say something only when they stand alone.
    let words: Vec<&str> = name.split(' ').take(8).collect();
    let runs = (1..words.len()).flat_map(|size| words.windows(size).map(|run| run.join(" ")));
    runs.filter(|run| run.len() >= 4)
        .filter_map(|run| PHRASES.get(run.as_str()).map(|(role, _)| (*role, run.len(), false)))
        .max_by_key(|(_, weight, _)| *weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_in_many_languages() {
        for (cell, role) in [
            ("Transaction Date", Role::Operation),
            ("Posting Date", Role::Booked),
            ("Buchungstag", Role::Booked),
            ("Betrag (EUR)", Role::Amount),
            ("Betrag (Fremdwährung)", Role::Other),
            ("Fremdwährung", Role::Other),
            ("Soll/Haben", Role::Flag),
            ("Withdrawals (SGD)", Role::Debit),
            ("Date d'opération", Role::Operation),
            ("Libellé", Role::Details),
            ("Débit", Role::Debit),
            ("F. Valor", Role::Value),
            ("Importe", Role::Amount),
            ("Descrição", Role::Details),
            ("Entrate", Role::Credit),
            ("Naam tegenpartij", Role::Party),
            ("Af Bij", Role::Flag),
            ("Data księgowania", Role::Booked),
            ("Kwota operacji", Role::Amount),
            ("Zaúčtovaná částka", Role::Amount),
            ("Könyvelés dátuma", Role::Booked),
            ("Összeg", Role::Amount),
            ("Bokföringsdag", Role::Booked),
            ("Insättning", Role::Credit),
            ("local_amount", Role::Other),
            ("Running Balance", Role::Balance),
            ("Customer account number", Role::Other),
            ("Money Out", Role::Debit),
            ("amount_spending_positive", Role::AmountOut),
        ] {
            assert_eq!(heading(cell).map(|h| h.role), Some(role), "{cell}");
        }
        assert_eq!(heading("Withdrawals (SGD)").and_then(|h| h.currency).as_deref(), Some("SGD"));
        assert_eq!(heading("Montant (EUROS)").and_then(|h| h.currency).as_deref(), Some("EUR"));
        assert_eq!(heading("Valor (R$)").map(|h| h.role), Some(Role::Amount));
        assert_eq!(heading("TESCO STORES 2231"), None);
        assert!(heading("Naam tegenpartij").unwrap().weight > heading("Naam").unwrap().weight);
    }

    #[test]
    fn the_table_is_written_in_plain_words() {
        for (role, phrases) in TABLE {
            for phrase in phrases.split('|') {
                assert_eq!(plain_words(phrase), phrase, "{role:?}");
            }
        }
        assert!(TABLE[ENGLISH - 1].1.starts_with("account|") && TABLE[ENGLISH].1.contains("buchungstag"));
    }
}
