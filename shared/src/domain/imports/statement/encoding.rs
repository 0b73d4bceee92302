//! From bytes to text. Valid UTF-8 is UTF-8: other encodings do not look like it by chance. Single-byte encodings accept
//! every byte, so there the question is which of them gives words of some language.

use std::borrow::Cow;

use encoding_rs::{
    ISO_8859_2, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1257,
};

use super::mapping::Encoding;

/// The letters beyond ASCII of languages, by the encodings their banks use.
const WESTERN: [&str; 8] =
    ["äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü¿¡ªç", "àáâãçéêíóôõúüª", "àèéìíòóùú", "áéëèïíóöüúĳ", "åäöéæøü", "áðéíóúýþæö"];
const CENTRAL: [&str; 6] = ["ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţșț", "čćđšž"];
const CYRILLIC: [&str; 3] =
    ["абвгдеёжзийклмнопрстуфхцчшщъыьэюя№", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя№", "абвгдђежзијклљмнњопрстћуфхцчџш"];
const GREEK: [&str; 1] = ["αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"];
const TURKISH: [&str; 1] = ["çğıöşüâîû\u{307}"];
const BALTIC: [&str; 3] = ["ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"];
const SIGNS: &str = "€£§°–—’‘“”„«»·º…•©®\u{a0}\u{ad}";

/// Looks only this far: single-byte encodings show themselves in the first few names.
const SAMPLE: usize = 256 * 1024;

/// Decides the encoding; `None` if the bytes are no text.
pub(super) fn detect(bytes: &[u8]) -> Option<Encoding> {
    if bytes.starts_with(&[0xFF, 0xFE]) {
        return Some(Encoding::Utf16Le);
    }
    if bytes.starts_with(&[0xFE, 0xFF]) {
        return Some(Encoding::Utf16Be);
    }
    let head = bytes.get(..SAMPLE).unwrap_or(bytes);
    let nuls = |offset: usize| head.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let half = head.len() / 2;
    if half >= 8 && odd * 10 > half * 6 && even * 10 < half {
        return Some(Encoding::Utf16Le);
    }
    if half >= 8 && even * 10 > half * 6 && odd * 10 < half {
        return Some(Encoding::Utf16Be);
    }
    let controls = head.iter().filter(|b| **b < 0x20 && !matches!(**b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a)).count();
    if controls * 20 > head.len() {
        return None;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Some(Encoding::Utf8);
    }
    Some(single_byte(head))
}

fn single_byte(head: &[u8]) -> Encoding {
    // The same bytes can be letters of several languages; then the currency tells the region.
    let names = |codes: &[&str]| codes.iter().any(|code| head.windows(3).any(|w| w == code.as_bytes()));
    let mut order: Vec<(Encoding, &[&str], bool)> = vec![
        (Encoding::Windows1252, &WESTERN, false),
        (Encoding::Windows1250, &CENTRAL, names(&["HUF", "PLN", "CZK", "RON", "RSD"])),
        (Encoding::Iso8859_2, &CENTRAL, names(&["HUF", "PLN", "CZK", "RON"])),
        (Encoding::Windows1254, &TURKISH, names(&["TRY"])),
        (Encoding::Windows1257, &BALTIC, false),
    ];
    // Where the words of a script lie wholly beyond ASCII, its letters stand side by side; accented ones seldom do.
    let high = head.iter().filter(|b| **b >= 0xC0).count();
    let beside = head.windows(2).filter(|w| w.iter().all(|b| *b >= 0xC0)).count();
    if beside * 2 > high {
        order = vec![(Encoding::Windows1251, &CYRILLIC, false), (Encoding::Windows1253, &GREEK, false)];
    }
    order.sort_by_key(|(_, _, named)| !named);
    let mut best = (usize::MAX, Encoding::Windows1252);
    for (encoding, languages, _) in order {
        let text = decode(head, encoding);
        let lower = text.chars().filter(|c| !c.is_ascii()).flat_map(char::to_lowercase);
        let beyond: Vec<char> = lower.filter(|c| !c.is_ascii()).collect();
        // A capital inside a word is a letter misread.
        let chars: Vec<char> = text.chars().collect();
        let capitals = chars
            .windows(2)
            .filter(|w| matches!(w, [a, b] if !b.is_ascii() && a.is_lowercase() && b.is_uppercase()))
            .count();
        for letters in languages {
            let misfits = capitals + beyond.iter().filter(|c| !letters.contains(**c) && !SIGNS.contains(**c)).count();
            if misfits < best.0 {
                best = (misfits, encoding);
            }
        }
    }
    best.1
}

/// Decodes all, without a byte order mark; broken sequences become U+FFFD. UTF-8 is borrowed, not copied.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Utf8 => {
            let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
            std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
        }
        Encoding::Utf16Le => UTF_16LE.decode_with_bom_removal(bytes).0,
        Encoding::Utf16Be => UTF_16BE.decode_with_bom_removal(bytes).0,
        Encoding::Windows1250 => WINDOWS_1250.decode_without_bom_handling(bytes).0,
        Encoding::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        Encoding::Windows1251 => WINDOWS_1251.decode_without_bom_handling(bytes).0,
        Encoding::Windows1253 => WINDOWS_1253.decode_without_bom_handling(bytes).0,
        Encoding::Windows1254 => WINDOWS_1254.decode_without_bom_handling(bytes).0,
        Encoding::Windows1257 => WINDOWS_1257.decode_without_bom_handling(bytes).0,
        Encoding::Iso8859_2 => ISO_8859_2.decode_without_bom_handling(bytes).0,
    }
}

/// What kind of file the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Delimited, if anything.
    Text,
    Ofx,
    Qif,
    /// A well-known format that is not read, named so that the answer can say what to export instead.
    Other(&'static str),
}

/// Tells the formats apart by how they begin.
pub(super) fn format(bytes: &[u8]) -> Format {
    let head = bytes.get(..2048).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
    let upper = start.to_ascii_uppercase();
    if head.starts_with(b"PK\x03\x04") || head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        Format::Other("an Excel workbook or another archive")
    } else if start.starts_with("%PDF") {
        Format::Other("a PDF")
    } else if upper.starts_with("OFXHEADER")
        || (start.starts_with('<') && (upper.contains("<OFX>") || upper.contains("<?OFX")))
    {
        Format::Ofx
    } else if ["!TYPE:", "!ACCOUNT", "!OPTION:", "!CLEAR:"].iter().any(|mark| upper.starts_with(mark)) {
        Format::Qif
    } else if ["<HTML", "<!DOC", "<?XML", "<TABL", "<DOCU"].iter().any(|mark| upper.starts_with(mark)) {
        Format::Other("an HTML or XML file")
    } else if start.starts_with('{') || start.starts_with("[{") {
        Format::Other("a JSON file")
    } else if start.starts_with(":20:") || start.starts_with("{1:F01") {
        Format::Other("an MT940 file")
    } else {
        Format::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool, bom: bool) -> Vec<u8> {
        let bom: &[u16] = if bom { &[0xFEFF] } else { &[] };
        let units = bom.iter().copied().chain(text.encode_utf16());
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn every_encoding_is_told_apart() {
        let german = "Datum;Empfänger;Betrag\n01.02.2024;Bäckerei Müller Straße;-5,00\n";
        let polish = "Data;Opis;Kwota\n01.02.2024;Żabka sklep łódź, płatność kartą;-5,00\n";
        let turkish = "Tarih;Açıklama;Tutar\n01.02.2024;MİGROS Kadıköy, maaş ödemesi, ığdır;-5,00\n";
        let lithuanian = "Data;Gavėjas;Suma\n2024-02-01;Sąskaita už būstą, mokėjimas, žąsų įmonė;-5,00\n";
        let russian = "Дата;Описание;Сумма\n01.02.2024;Пятёрочка;-5,00\n";
        let ukrainian = "Дата;Опис;Сума\n01.02.2024;Їжа і напої;-5,00\n";
        let greek = "Ημερομηνία;Περιγραφή;Ποσό\n01/02/2024;Σούπερ μάρκετ;-5,00\n";
        let czech = "Datum;Popis;Částka\n01.02.2024;Řeznictví Dvořák, Žižkov, platba šekem;-5,00\n";
        for (text, bytes, want) in [
            (german, german.as_bytes().to_vec(), Encoding::Utf8),
            (german, [b"\xEF\xBB\xBF", german.as_bytes()].concat(), Encoding::Utf8),
            (german, utf16(german, false, true), Encoding::Utf16Le),
            (german, utf16(german, true, true), Encoding::Utf16Be),
            (german, utf16(german, false, false), Encoding::Utf16Le),
            (german, utf16(german, true, false), Encoding::Utf16Be),
            (german, WINDOWS_1252.encode(german).0.into_owned(), Encoding::Windows1252),
            (polish, WINDOWS_1250.encode(polish).0.into_owned(), Encoding::Windows1250),
            (polish, ISO_8859_2.encode(polish).0.into_owned(), Encoding::Iso8859_2),
            (turkish, WINDOWS_1254.encode(turkish).0.into_owned(), Encoding::Windows1254),
            (lithuanian, WINDOWS_1257.encode(lithuanian).0.into_owned(), Encoding::Windows1257),
            (russian, WINDOWS_1251.encode(russian).0.into_owned(), Encoding::Windows1251),
            (ukrainian, WINDOWS_1251.encode(ukrainian).0.into_owned(), Encoding::Windows1251),
            (greek, WINDOWS_1253.encode(greek).0.into_owned(), Encoding::Windows1253),
            (czech, WINDOWS_1250.encode(czech).0.into_owned(), Encoding::Windows1250),
            (czech, ISO_8859_2.encode(czech).0.into_owned(), Encoding::Iso8859_2),
        ] {
            assert_eq!(detect(&bytes), Some(want), "{text}");
            assert_eq!(decode(&bytes, want), text);
        }
    }

    #[test]
    fn a_currency_breaks_the_tie_of_shared_bytes() {
        let (bytes, _, _) = WINDOWS_1250.encode("D\u{e1}tum;\u{d6}sszeg;HUF\n;Bolt \u{151}rz\u{e1}s;1\n");
        assert_eq!(detect(&bytes), Some(Encoding::Windows1250));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(detect(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]), None);
        assert!(matches!(format(b"PK\x03\x04rest"), Format::Other(_)));
        assert!(matches!(format(b"%PDF-1.7"), Format::Other(_)));
        assert_eq!(format(b"\xEF\xBB\xBF!Type:Bank\n"), Format::Qif);
        assert_eq!(format(b"\r\nOFXHEADER:100\r\n"), Format::Ofx);
        assert_eq!(format(b"<?xml version=\"1.0\"?>\n<?OFX OFXHEADER=\"200\"?>\n<OFX>"), Format::Ofx);
        assert_eq!(format(b"Date,Amount\n"), Format::Text);
    }
}
