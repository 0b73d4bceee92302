//! What trials with many shapes of files turned up.

use super::super::*;
use super::{options, read, refused};

#[test]
fn a_currency_with_three_decimals_is_named_as_such() {
    let text = "Date,Description,Amount,Currency\n13/01/2024,X,-5.000,KWD\n14/01/2024,Y,-5.00,EUR\n";
    assert_eq!(read(text), ["2 unsupported_currency", "3 2024-01-14 5.00 EUR Y"]);
}

#[test]
fn a_card_whose_balance_is_what_is_owed_is_not_guessed() {
    let text = "Date,Description,Amount,Balance\n01/13/2024,SHOP,10.00,110.00\n01/14/2024,BOOKS,20.00,130.00\n\
        01/15/2024,PAYMENT THANK YOU,-100.00,30.00\n01/16/2024,TEA,5.00,35.00\n";
    assert_eq!(refused(text).code, "ambiguous_sign");
}

#[test]
fn names_in_an_unknown_language_are_names() {
    let text = "hari,nota,jumlah wang\n2024-01-13,KEDAI,\"-12,50\"\n2024-01-14,GAJI,\"2000,00\"\n";
    let shape = detect(text.as_bytes(), &options()).unwrap();
    assert_eq!(shape.mapping().amount, Some(Column::Name("jumlah wang".to_owned())));
    assert_eq!(shape.rows(text.as_bytes()).count(), 2);
}

#[test]
fn a_currency_above_the_header_counts() {
    let below = "#Waluta;#Wplywy;\nPLN;2 000,00;\n\nData operacji;Opis;Kwota\n2024-01-30;SKLEP;-12,50\n";
    assert_eq!(read(below), ["5 2024-01-30 12.50 PLN SKLEP"]);
    let sign = "Balance:,\"\u{a3}1,234.56\"\n\nDate,Description,Amount\n31 Jan 2024,SHOP,-1.00\n";
    assert_eq!(read(sign), ["4 2024-01-31 1.00 GBP SHOP"]);
}

#[test]
fn what_the_file_does_not_show_is_not_saved() {
    let text = "Date,Description,Amount\n2024-01-30,SHOP,-12\n";
    let shape = detect(text.as_bytes(), &options()).unwrap();
    assert_eq!((shape.mapping().date_order, shape.mapping().decimal_mark), (None, None));
}

#[test]
fn several_accounts_of_one_ofx_file_are_told_apart() {
    let statement = |account: &str, id: &str| {
        format!(
            "<STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>{account}</BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240131<TRNAMT>-1<FITID>{id}<NAME>Tea<MEMO>Green<BANKACCTTO><ACCTID>9999</BANKACCTTO></STMTTRN></BANKTRANLIST></STMTRS>"
        )
    };
    let file = |second: &str| {
        format!("OFXHEADER:100\n<OFX>{}{}</OFX>", statement("DE0001111", "1"), statement("DE0002222", second))
    };
    let rows = |text: &str| -> Vec<Row> {
        detect(text.as_bytes(), &options()).unwrap().rows(text.as_bytes()).map(Result::unwrap).collect()
    };
    let got = rows(&file("2"));
    assert_eq!(got[0].note.as_deref(), Some("Green Account …1111"));
    assert_eq!(got[1].note.as_deref(), Some("Green Account …2222"));
    assert_eq!(got[1].external_id.as_deref(), Some("2"));
    // Ids that come twice are none: the second row would pass for the first.
    assert!(rows(&file("1")).iter().all(|row| row.external_id.is_none()));
}
