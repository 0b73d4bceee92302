//! Whole files, written in the shapes of many banks.

use encoding_rs::{WINDOWS_1250, WINDOWS_1252};
use rust_decimal::Decimal;

use super::*;

mod corpus;
mod random;
mod shapes;
mod trials;

fn options() -> Options {
    Options { mapping: None, default_currency: "USD".to_owned() }
}

fn with(mapping: &str) -> Options {
    Options { mapping: Some(serde_json::from_str(mapping).unwrap()), ..options() }
}

/// Each row as `line date amount currency description`, each error as `line code`.
fn read_with(bytes: &[u8], options: &Options) -> Vec<String> {
    let shape = detect(bytes, options).unwrap_or_else(|refusal| panic!("{refusal:#?}"));
    shape
        .rows(bytes)
        .map(|row| match row {
            Ok(row) => format!("{} {} {} {} {}", row.line, row.date, row.amount, row.currency, row.description),
            Err(error) => format!("{} {}", error.line, error.code),
        })
        .collect()
}

fn read(text: &str) -> Vec<String> {
    read_with(text.as_bytes(), &options())
}

fn refused(text: &str) -> Refusal {
    detect(text.as_bytes(), &options()).unwrap_err()
}

#[test]
fn debit_and_credit_columns() {
    let got = read(
        "Date,Details,Debit,Credit,Balance\r\n14/02/2024,Coffee,3.20,,96.80\r\n15/02/2024,Pay,0.00,\"1,500.00\",\"1,596.80\"\r\n",
    );
    assert_eq!(got, ["2 2024-02-14 3.20 USD Coffee", "3 2024-02-15 -1500.00 USD Pay"]);
    let signed = read(
        "Datum;Text;Belastung;Gutschrift\n14.02.2024;Kaffee;-3,20;\n15.02.2024;Lohn;;1.500,00\n16.02.2024;Storno Kaffee;3,20;\n17.02.2024;Tee;-2,00;\n",
    );
    assert_eq!(signed[0], "2 2024-02-14 3.20 USD Kaffee");
    assert_eq!(signed[1], "3 2024-02-15 -1500.00 USD Lohn");
    assert_eq!(signed[2], "4 2024-02-16 -3.20 USD Storno Kaffee", "a reversal in the debit column is money in");
}

#[test]
fn a_flag_column_gives_the_sign() {
    let got = read(
        "\"Datum\",\"Naam / Omschrijving\",\"Rekening\",\"Tegenrekening\",\"Code\",\"Af Bij\",\"Bedrag (EUR)\",\"MutatieSoort\",\"Mededelingen\"\n\"20240131\",\"Albert Heijn 1234\",\"NL00\",\"\",\"BA\",\"Af\",\"12,50\",\"Betaalautomaat\",\"Pasvolgnr 001\"\n\"20240130\",\"Werkgever\",\"NL00\",\"NL11\",\"OV\",\"Bij\",\"2000,00\",\"Overschrijving\",\"Salaris\"\n",
    );
    assert_eq!(got, ["2 2024-01-31 12.50 EUR Albert Heijn 1234", "3 2024-01-30 -2000.00 EUR Werkgever"]);
}

#[test]
fn preamble_trailer_and_records_over_two_lines() {
    let text = "Account details for:,Current 12-34\nAvailable Balance,\"1,234.50\"\n\nTransaction History\nTransaction date,Value date,Description,Withdrawals (SGD),Deposits (SGD)\n\
        28/03/2024,28/03/2024,DEBIT PURCHASE,4.10,\n,,27/03/24 KOPI CORNER\n26/03/2024,26/03/2024,SALARY,,900.00\n\n,Total,,4.10,900.00\nEnd of statement\n";
    assert_eq!(
        read(text),
        ["6 2024-03-28 4.10 SGD DEBIT PURCHASE 27/03/24 KOPI CORNER", "8 2024-03-26 -900.00 SGD SALARY"]
    );
}

#[test]
fn a_line_that_is_no_row_is_reported_if_rows_follow() {
    let text = "01.02.2024;\"SHOP A\";-1,50;EUR;;\nsomething else entirely;;\n02.02.2024;\"SHOP B\";-2,50;EUR;;\n";
    assert_eq!(read(text), ["1 2024-02-01 1.50 EUR SHOP A", "2 bad_date", "3 2024-02-02 2.50 EUR SHOP B"]);
}

#[test]
fn every_bad_row_is_named_and_stops_nothing() {
    let text = "Date,Description,Amount\n2024-01-01,ok,-1.00\n2024-02-30,no such day,-1.00\n2024-01-02,three,-1.005\n2024-01-03,nan,NaN\n2024-01-04,exp,1e3\n2024-01-05,underscore,1_000\n\
        2024-01-06,zero,0.00\n2024-01-07,none,\n2024-01-08,big,-1000000000000.00\n,no date,-5.00\n2024-01-09,dinar,KWD -5.00\n2024-01-10,last,-2.00\n";
    assert_eq!(
        read(text),
        [
            "2 2024-01-01 1.00 USD ok",
            "3 bad_date",
            "4 too_many_decimals",
            "5 bad_amount",
            "6 bad_amount",
            "7 bad_amount",
            "8 zero_amount",
            "9 missing_amount",
            "10 amount_too_large",
            "11 missing_date",
            "12 unsupported_currency",
            "13 2024-01-10 2.00 USD last",
        ]
    );
    let shape = detect(text.as_bytes(), &options()).unwrap();
    let error = shape.rows(text.as_bytes()).find_map(Result::err).unwrap();
    assert_eq!(error.column.as_deref(), Some("Date"));
    assert!(error.detail.contains("2024-02-30"));
}

#[test]
fn without_a_header_the_balance_shows_itself() {
    let text = "31/01/2024,COFFEE,-3.00,97.00\n30/01/2024,BOOKS,-20.00,100.00\n29/01/2024,PAY,50.00,120.00\n28/01/2024,TEA,-2.00,70.00\n";
    assert_eq!(read(text)[0], "1 2024-01-31 3.00 USD COFFEE");
    // The same with the two the other way round, and spending unsigned.
    let text = "31/01/2024,COFFEE,97.00,3.00\n30/01/2024,BOOKS,100.00,20.00\n29/01/2024,TEA,120.00,5.00\n28/01/2024,TEA,125.00,2.00\n";
    assert_eq!(read(text)[1], "2 2024-01-30 20.00 USD BOOKS");
    let split = "28/01/2024,TEA,2.00,,98.00\n29/01/2024,PAY,,50.00,148.00\n30/01/2024,BOOKS,20.00,,128.00\n31/01/2024,COFFEE,3.00,,125.00\n";
    assert_eq!(read(split)[..2], ["1 2024-01-28 2.00 USD TEA", "2 2024-01-29 -50.00 USD PAY"]);
}

#[test]
fn what_stays_ambiguous_is_refused_with_the_mapping_to_send() {
    let dates = "Date,Description,Amount\n03/04/2024,a,-1.00\n05/06/2024,b,-2.00\n";
    let refusal = refused(dates);
    assert_eq!(refusal.code, "ambiguous_dates");
    assert_eq!(refusal.preview[1], ["03/04/2024", "a", "-1.00"]);
    let completed = Mapping { date_order: Some(DateOrder::Mdy), ..*refusal.candidates.unwrap() };
    let options = Options { mapping: Some(completed), ..options() };
    assert_eq!(read_with(dates.as_bytes(), &options)[0], "2 2024-03-04 1.00 USD a");

    let sign = "Date,Description,Amount\n13/04/2024,Shop,1.00\n15/06/2024,Other shop,2.00\n";
    assert_eq!(refused(sign).code, "ambiguous_sign");
    assert_eq!(read_with(sign.as_bytes(), &with(r#"{"sign":"positive"}"#))[0], "2 2024-04-13 1.00 USD Shop");
    assert_eq!(refused("Date,Description,Amount\n2024-04-13,Shop,-1.234\n").code, "ambiguous_decimals");
    assert_eq!(refused("a,b\nc,d\n").code, "no_transactions");
    assert_eq!(refused("Date,Text\n2024-01-01,x\n").code, "unknown_columns");
    assert_eq!(refused(" \n\n").code, "empty_file");
    assert_eq!(detect(b"PK\x03\x04", &super::tests::options()).unwrap_err().code, "unsupported_format");
    assert_eq!(detect(&[0, 1, 2, 3, 0, 0, 7, 8, 9], &super::tests::options()).unwrap_err().code, "not_text");
}

#[test]
fn a_mapping_of_the_client_counts() {
    let text = "qux,foo,bar,baz\nx,03/04/2024,7.50,Shop\n";
    let mapping = r#"{"date":"Foo","amount":"bar","description":["baz"],"date_order":"mdy","sign":"positive"}"#;
    assert_eq!(read_with(text.as_bytes(), &with(mapping)), ["2 2024-03-04 7.50 USD Shop"]);
    let numbers = r#"{"header":false,"date":1,"debit":3,"credit":2,"description":[4],"date_order":"dmy"}"#;
    assert_eq!(
        read_with(b"03/04/2024,,7.50,Shop\n04/04/2024,5.00,,Pay\n", &with(numbers)),
        ["1 2024-04-03 7.50 USD Shop", "2 2024-04-04 -5.00 USD Pay"]
    );
    let absent = detect(text.as_bytes(), &with(r#"{"date":"nope","amount":"bar"}"#)).unwrap_err();
    assert_eq!(absent.code, "unknown_columns");
    assert!(absent.detail.contains("nope"));
    for wrong in
        [r#"{"date":0,"amount":3}"#, r#"{"date":2,"amount":9}"#, r#"{"header":false,"date":"foo","amount":"bar"}"#]
    {
        let refusal = detect(text.as_bytes(), &with(wrong)).unwrap_err();
        assert_eq!(refusal.code, "unknown_columns", "{wrong}");
    }
    assert!(serde_json::from_str::<Mapping>(r#"{"dat":"x"}"#).is_err());
}

#[test]
fn a_detected_mapping_reads_the_same_file_the_same_way() {
    for text in [
        "Date,Details,Debit,Credit,Balance\n14/02/2024,Coffee,3.20,,96.80\n15/02/2024,Pay,,1500.00,1596.80\n",
        "01.02.2024;\"SHOP A\";-1,50;EUR;;\n02.02.2024;\"SHOP B\";-2,50;EUR;;\n",
        "Date,Booking   text, Amount \n14/02/2024,Coffee,-3.20\n",
        "Buchungstag;Wertstellung;Auftraggeber / Beguenstigter;Verwendungszweck;Betrag (EUR)\n01.02.2024;02.02.2024;REWE;Einkauf;-1.234,50\n",
    ] {
        let shape = detect(text.as_bytes(), &options()).unwrap();
        let saved: Mapping = serde_json::from_str(&serde_json::to_string(shape.mapping()).unwrap()).unwrap();
        let again = Options { mapping: Some(saved), ..options() };
        assert_eq!(read_with(text.as_bytes(), &again), read(text));
        assert_eq!(detect(text.as_bytes(), &again).unwrap().mapping(), shape.mapping());
    }
}

#[test]
fn encodings_reach_the_rows() {
    let german = "Buchungstag;Empfänger;Verwendungszweck;Betrag;Währung\n01.02.2024;Bäckerei Groß;Brötchen;-5,00;EUR\n";
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(german.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [
        german.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", german.as_bytes()].concat(),
        utf16,
        WINDOWS_1252.encode(german).0.into_owned(),
    ] {
        assert_eq!(read_with(&bytes, &options()), ["2 2024-02-01 5.00 EUR Bäckerei Groß"]);
    }
    let polish = "Data księgowania;Opis operacji;Kwota;Waluta\n2024-02-01;Żabka Łódź płatność;-5,00;PLN\n";
    assert_eq!(read_with(&WINDOWS_1250.encode(polish).0, &options()), ["2 2024-02-01 5.00 PLN Żabka Łódź płatność"]);
}

#[test]
fn many_languages() {
    for (text, want) in [
        (
            "Date;Libellé;Débit euros;Crédit euros\n03/04/2024;Boulangerie;-3,20;\n05/04/2024;Salaire;;1 500,00\n",
            "2 2024-04-03 3.20 EUR Boulangerie",
        ),
        (
            "Fecha operación;Fecha valor;Concepto;Importe;Saldo\n03/04/2024;03/04/2024;Mercadona;-33,10;100,00\n",
            "2 2024-04-03 33.10 USD Mercadona",
        ),
        (
            "Data Lançamento;Histórico;Descrição;Valor;Saldo\n03/04/2024;Pix;Padaria;-10,00;90,00\n",
            "2 2024-04-03 10.00 USD Pix Padaria",
        ),
        (
            "Data contabile;Data valuta;Descrizione;Dare;Avere\n13/04/2024;13/04/2024;Esselunga;45,90;\n",
            "2 2024-04-13 45.90 USD Esselunga",
        ),
        (
            "Datum;Objem;Měna;Protiúčet;Zpráva pro příjemce\n13.04.2024;-123,00;CZK;1/0100;Albert\n",
            "2 2024-04-13 123.00 CZK Albert",
        ),
        (
            "Könyvelés dátuma;Partner neve;Összeg;Devizanem;Közlemény\n2024.04.13.;SPAR;-3 990;HUF;kártya\n",
            "2 2024-04-13 3990.00 HUF SPAR",
        ),
        (
            "Bokföringsdag;Belopp;Beskrivning;Saldo;Valuta\n2024-04-13;-99,00;ICA Nära;1000,00;SEK\n",
            "2 2024-04-13 99.00 SEK ICA Nära",
        ),
        (
            "Data operacji;Data waluty;Typ transakcji;Kwota;Waluta;Saldo po transakcji;Opis transakcji\n2024-04-13;2024-04-12;Karta;-12.50;PLN;+100.00;BIEDRONKA\n",
            "2 2024-04-13 12.50 PLN BIEDRONKA",
        ),
    ] {
        assert_eq!(read(text)[0], want, "{text}");
    }
}

#[test]
fn cards_with_positive_purchases_and_marked_credits() {
    let card = "Date,Description,Amount\n01/15/2024,GROCER,20.00\n01/16/2024,PAYMENT RECEIVED - THANK YOU,-120.00\n01/17/2024,CAFE,4.00\n";
    assert_eq!(
        read(card),
        [
            "2 2024-01-15 20.00 USD GROCER",
            "3 2024-01-16 -120.00 USD PAYMENT RECEIVED - THANK YOU",
            "4 2024-01-17 4.00 USD CAFE"
        ]
    );
    let marked = "Date,Description,Amount\n15/01/2024,GROCER,20.00\n16/01/2024,REFUND,\"1,120.00 CR\"\n";
    assert_eq!(read(marked), ["2 2024-01-15 20.00 USD GROCER", "3 2024-01-16 -1120.00 USD REFUND"]);
}

#[test]
fn states_ids_and_the_other_party() {
    let text = "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n\
        CARD_PAYMENT,Current,2024-01-14 08:00:00,2024-01-15 10:00:00,Cafe,-4.00,0.00,EUR,COMPLETED,96.00\n\
        CARD_PAYMENT,Current,2024-01-16 08:00:00,,Bakery,-2.00,0.00,EUR,PENDING,\nCARD_PAYMENT,Current,2024-01-16 09:00:00,,Shop,-9.00,0.00,EUR,REVERTED,\n";
    let shape = detect(text.as_bytes(), &options()).unwrap();
    let rows: Vec<_> = shape.rows(text.as_bytes()).collect();
    assert_eq!(rows[0].as_ref().map(|r| (r.date.to_string(), r.pending)), Ok(("2024-01-15".to_owned(), false)));
    assert_eq!(rows[1].as_ref().map(|r| (r.date.to_string(), r.pending)), Ok(("2024-01-16".to_owned(), true)));
    assert_eq!(rows[2].as_ref().map_err(|e| e.code), Err("declined"));

    let text = "Buchungsdatum;Zahlungspflichtige*r;Zahlungsempfänger*in;Verwendungszweck;Betrag (€)\n01.02.24;Ich;REWE;Einkauf;-5,00\n02.02.24;Arbeitgeber;Ich;Gehalt;2.000,00\n";
    let shape = detect(text.as_bytes(), &options()).unwrap();
    let rows: Vec<_> = shape.rows(text.as_bytes()).map(Result::unwrap).collect();
    assert_eq!((rows[0].description.as_str(), rows[0].note.as_deref()), ("REWE", Some("Einkauf")));
    assert_eq!((rows[1].description.as_str(), rows[1].amount), ("Arbeitgeber", Decimal::new(-200_000, 2)));
}

#[test]
fn separator_line_tabs_pipes_and_quotes() {
    assert_eq!(read("sep=;\nDate;Description;Amount\n2024-01-02;a;-1,50\n"), ["3 2024-01-02 1.50 USD a"]);
    assert_eq!(read("Date\tDescription\tAmount\n2024-01-02\ta, b\t-1.50\n"), ["2 2024-01-02 1.50 USD a, b"]);
    assert_eq!(read("Date|Description|Amount\n2024-01-02|a|-1.50\n"), ["2 2024-01-02 1.50 USD a"]);
    assert_eq!(
        read("Date,Description,Amount\n2024-01-02,\"say \"\"hi\"\"\",\"-1,234.50\"\n"),
        ["2 2024-01-02 1234.50 USD say \"hi\""]
    );
    assert_eq!(read("Date,Description,Amount\n2024-01-02,a\0b,(1.50)\n"), ["2 2024-01-02 1.50 USD a b"]);
}
