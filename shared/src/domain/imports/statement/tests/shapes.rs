//! Random transactions written in random shapes come back to the cent, or are refused where the shape cannot tell.

use encoding_rs::{WINDOWS_1250, WINDOWS_1252};
use rust_decimal::Decimal;
use time::{Date, Duration, macros::date};

use super::super::*;
use super::options;
use super::random::Random;

/// Names of date, text, amount, debit, credit, balance, flag and currency; the flag's words; letters of the encoding.
struct Language {
    names: [&'static str; 8],
    flags: [&'static str; 2],
    shop: &'static str,
    central: bool,
}

const LANGUAGES: [Language; 11] = [
    language("Date,Description,Amount,Debit,Credit,Balance,Debit/Credit,Currency", ["DR", "CR"], "Café", false),
    language("Buchungstag,Verwendungszweck,Betrag,Soll,Haben,Saldo,Soll/Haben,Währung", ["S", "H"], "Bäckerei", false),
    language("Date opération,Libellé,Montant,Débit,Crédit,Solde,Sens,Devise", ["Débit", "Crédit"], "Épicerie", false),
    language("Fecha,Concepto,Importe,Cargo,Abono,Saldo,Cargo/Abono,Divisa", ["Cargo", "Abono"], "Peluquería", false),
    language(
        "Data contabile,Descrizione,Importo,Dare,Avere,Saldo,Dare/Avere,Divisa",
        ["Dare", "Avere"],
        "Caffè",
        false,
    ),
    language("Data mov.,Descrição,Montante,Débito,Crédito,Saldo,Débito/Crédito,Moeda", ["D", "C"], "Pão", false),
    language("Datum,Omschrijving,Bedrag,Debet,Credit,Saldo,Af Bij,Munt", ["Af", "Bij"], "Eén", false),
    language("Data operacji,Opis,Kwota,Obciążenia,Uznania,Saldo,Wn/Ma,Waluta", ["Wn", "Ma"], "Łąka", true),
    language("Datum,Popis,Částka,Výdaje,Příjmy,Zůstatek,Směr,Měna", ["Výdaj", "Příjem"], "Řeznictví", true),
    language("Dátum,Közlemény,Összeg,Terhelés,Jóváírás,Egyenleg,T/J,Devizanem", ["T", "J"], "Húsbolt őszi", true),
    language("Bokföringsdag,Beskrivning,Belopp,Uttag,Insättning,Saldo,Debet/Kredit,Valuta", ["D", "K"], "Nära", false),
];

const fn language(names: &'static str, flags: [&'static str; 2], shop: &'static str, central: bool) -> Language {
    let mut out = [""; 8];
    let (mut rest, mut at) = (names, 0);
    while at < 8 {
        let bytes = rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() && bytes[end] != b',' {
            end += 1;
        }
        let (name, after) = rest.split_at(end);
        out[at] = name;
        rest = if after.is_empty() { after } else { after.split_at(1).1 };
        at += 1;
    }
    Language { names: out, flags, shop, central }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Minus,
    Brackets,
    Behind,
    /// Spending is positive, and the balance shows it.
    Positive,
    Split,
    SplitMinus,
    Flag,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is thrown by itself")]
struct Shape {
    language: usize,
    header: bool,
    encoding: usize,
    delimiter: char,
    date: usize,
    comma: bool,
    thousands: Option<char>,
    sign: Sign,
    balance: bool,
    currency: bool,
    newest_first: bool,
    quoted: bool,
    preamble: usize,
    trailer: usize,
}

impl Shape {
    fn random(random: &mut Random) -> Self {
        // Nobody writes the month first and a decimal comma, or in another language, or for euros.
        let date = random.below(7);
        let american = date == 2;
        let comma = !american && random.below(2) == 0;
        let sign =
            [Sign::Minus, Sign::Brackets, Sign::Behind, Sign::Positive, Sign::Split, Sign::SplitMinus, Sign::Flag];
        let sign = sign[random.below(7)];
        let thousands = if comma { [None, Some('.'), Some(' ')] } else { [None, Some(','), Some('\'')] };
        let header = random.below(4) > 0;
        Self {
            language: if american { 0 } else { random.below(LANGUAGES.len()) },
            header,
            encoding: random.below(4),
            delimiter: [',', ';', '\t', '|'][random.below(4)],
            date,
            comma,
            thousands: thousands[random.below(3)],
            sign,
            balance: sign == Sign::Positive || random.below(2) == 0,
            currency: !american && random.below(2) == 0,
            newest_first: random.below(2) == 0,
            quoted: random.below(2) == 0,
            preamble: random.below(3),
            trailer: random.below(3),
        }
    }

    fn day(&self, day: Date) -> String {
        let (y, m, d) = (day.year(), u8::from(day.month()), day.day());
        match self.date {
            0 => format!("{y}-{m:02}-{d:02}"),
            1 => format!("{d:02}/{m:02}/{y}"),
            2 => format!("{m:02}/{d:02}/{y}"),
            3 => format!("{d}.{m}.{y}"),
            4 => format!("{d:02}-{m:02}-{:02}", y % 100),
            5 => format!("{d} {} {y}", &day.month().to_string()[..3]),
            _ => format!("{y}{m:02}{d:02}"),
        }
    }

    fn number(&self, cents: i64) -> String {
        let mut whole = (cents.abs() / 100).to_string();
        if let Some(mark) = self.thousands {
            for at in (1..whole.len()).rev().filter(|at| (whole.len() - at).is_multiple_of(3)).collect::<Vec<_>>() {
                whole.insert(at, mark);
            }
        }
        format!("{whole}{}{:02}", if self.comma { ',' } else { '.' }, cents.abs() % 100)
    }

    fn signed(&self, cents: i64) -> String {
        let number = self.number(cents);
        match (self.sign, cents < 0) {
            (_, false) => number,
            (Sign::Brackets, true) => format!("({number})"),
            (Sign::Behind, true) => format!("{number}-"),
            (_, true) => format!("-{number}"),
        }
    }

    /// Date, text, then the money; `cents` are positive for money in here.
    fn row(&self, day: Date, text: &str, cents: i64, balance: i64) -> Vec<String> {
        let mut row = vec![self.day(day), text.to_owned()];
        match self.sign {
            Sign::Minus | Sign::Brackets | Sign::Behind => row.push(self.signed(cents)),
            Sign::Positive => row.push(self.signed(-cents)),
            Sign::Split | Sign::SplitMinus => {
                let debit = if self.sign == Sign::SplitMinus { self.signed(cents) } else { self.number(cents) };
                let (debit, credit) =
                    if cents < 0 { (debit, String::new()) } else { (String::new(), self.number(cents)) };
                row.extend([debit, credit]);
            }
            Sign::Flag => {
                let flag = LANGUAGES[self.language].flags[usize::from(cents > 0)];
                row.extend([self.number(cents), flag.to_owned()]);
            }
        }
        if self.balance {
            row.push(if balance < 0 { format!("-{}", self.number(balance)) } else { self.number(balance) });
        }
        if self.currency {
            row.push("EUR".to_owned());
        }
        row
    }

    fn line(&self, cells: &[impl AsRef<str>]) -> String {
        let cell = |cell: &str| {
            if self.quoted || cell.contains(self.delimiter) { format!("\"{cell}\"") } else { cell.to_owned() }
        };
        let cells: Vec<String> = cells.iter().map(|text| cell(text.as_ref())).collect();
        cells.join(&self.delimiter.to_string()) + "\n"
    }

    fn header_row(&self) -> Vec<&'static str> {
        let [date, text, amount, debit, credit, balance, flag, currency] = LANGUAGES[self.language].names;
        let mut row = vec![date, text];
        match self.sign {
            Sign::Minus | Sign::Brackets | Sign::Behind | Sign::Positive => row.push(amount),
            Sign::Split | Sign::SplitMinus => row.extend([debit, credit]),
            Sign::Flag => row.extend([amount, flag]),
        }
        if self.balance {
            row.push(balance);
        }
        if self.currency {
            row.push(currency);
        }
        row
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        match self.encoding {
            0 => text.as_bytes().to_vec(),
            1 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            2 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            _ if LANGUAGES[self.language].central => WINDOWS_1250.encode(text).0.into_owned(),
            _ => WINDOWS_1252.encode(text).0.into_owned(),
        }
    }

    /// What a client would send who knows the file.
    fn truth(&self) -> Mapping {
        let amount = Some(Column::Number(3));
        let both = (None, Some(Column::Number(3)), Some(Column::Number(4)), None);
        let (amount, debit, credit, flag) = match self.sign {
            Sign::Split | Sign::SplitMinus => both,
            Sign::Flag => (amount, None, None, Some(Column::Number(4))),
            _ => (amount, None, None, None),
        };
        let order = match self.date {
            1 | 3 | 4 => Some(DateOrder::Dmy),
            2 => Some(DateOrder::Mdy),
            _ => None,
        };
        let sign = if self.sign == Sign::Positive { SpendingSign::Positive } else { SpendingSign::Negative };
        Mapping { amount, debit, credit, flag, date_order: order, sign: Some(sign), ..Mapping::default() }
    }
}

/// The transactions as written, money in positive.
fn transactions(random: &mut Random, rows: usize) -> Vec<(Date, i64, i64)> {
    let mut day = date!(2023 - 01 - 01) + Duration::days(i64::try_from(random.below(700)).unwrap());
    let mut balance = i64::try_from(random.below(1_000_000)).unwrap();
    let mut step = |random: &mut Random| {
        day += Duration::days(i64::try_from(random.below(4)).unwrap());
        let most = if random.below(3) == 0 { 900_000 } else { 9_000 };
        let cents = i64::try_from(1 + random.below(most)).unwrap();
        let cents = if random.below(5) == 0 { cents } else { -cents };
        balance += cents;
        (day, cents, balance)
    };
    (0..rows).map(|_| step(random)).collect()
}

#[test]
fn what_is_written_in_any_shape_comes_back_or_is_refused_for_a_reason() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let (mut read, mut refused) = (0, 0);
    for round in 0..400 {
        let shape = Shape::random(&mut random);
        let rows = 3 + random.below(30);
        let mut list = transactions(&mut random, rows);
        if shape.newest_first {
            list.reverse();
        }
        let mut text = String::new();
        for line in ["Statement of account", "Account: 123456"].iter().take(shape.preamble) {
            text += &shape.line(&[line]);
        }
        if shape.header {
            text += &shape.line(&shape.header_row());
        }
        for (at, (day, cents, balance)) in list.iter().enumerate() {
            let name = format!("{} {}", LANGUAGES[shape.language].shop, ["Uno", "Duo", "Tre"][at % 3]);
            text += &shape.line(&shape.row(*day, &name, *cents, *balance));
        }
        for line in ["", "End of the list"].iter().take(shape.trailer) {
            text += &shape.line(&[line]);
        }
        let bytes = shape.encode(&text);
        let currency = if shape.currency { "EUR" } else { "USD" };
        let want: Vec<_> = list.iter().map(|(day, cents, _)| (*day, Decimal::new(-cents, 2), currency)).collect();
        let found = match detect(&bytes, &options()) {
            Ok(found) => {
                read += 1;
                found
            }
            Err(refusal) => {
                refused += 1;
                let minus = list.iter().filter(|(_, cents, _)| *cents < 0).count();
                let plus = rows - minus;
                let split = matches!(shape.sign, Sign::Split | Sign::SplitMinus);
                let genuine = match refusal.code {
                    "ambiguous_dates" => {
                        matches!(shape.date, 1 | 2 | 4) && list.iter().all(|(day, ..)| day.day() <= 12)
                    }
                    "ambiguous_sign" => {
                        (shape.sign != Sign::Flag || !shape.header && (minus == 0 || plus == 0))
                            && (minus == 0
                                || (plus == 0 && (split || shape.sign == Sign::Flag))
                                || (plus >= 3 && plus > minus * 2)
                                || list.first().map(|r| r.0) == list.last().map(|r| r.0))
                    }
                    "unknown_columns" => !shape.header && split && (!shape.balance || minus == 0 || plus == 0),
                    _ => false,
                };
                assert!(genuine, "{round} {shape:?}\n{refusal:?}\n{text}");
                let truth = shape.truth();
                let mapping = Mapping {
                    amount: truth.amount,
                    debit: truth.debit,
                    credit: truth.credit,
                    flag: truth.flag,
                    date_order: truth.date_order,
                    sign: truth.sign,
                    ..*refusal.candidates.unwrap()
                };
                let completed = Options { mapping: Some(mapping), ..options() };
                detect(&bytes, &completed).unwrap_or_else(|again| panic!("{round} {shape:?}\n{again:?}\n{text}"))
            }
        };
        let got: Vec<_> = found
            .rows(&bytes)
            .map(|row| row.unwrap_or_else(|error| panic!("{round} {shape:?} {error:?}\n{text}")))
            .collect();
        let got: Vec<_> = got.iter().map(|row| (row.date, row.amount, row.currency.as_str())).collect();
        assert_eq!(got, want, "{round} {shape:?}\n{text}");
    }
    assert!(read > 300 && refused > 5, "{read} read, {refused} refused");
}
