//! ISO 4217 codes with at most two minor digits, and the signs that stand for them in cells.

/// Current codes with two minor digits or none. Codes with three (BHD, KWD, TND …) cannot be held in `NUMERIC(14,2)`.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD \
    HNL HRK HTG HUF IDR ILS INR IRR ISK JMD JPY KES KGS KHR KMF KPW KRW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD \
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH UGX USD UYU UZS \
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Whether an upper-case code is one that can be booked.
#[must_use]
pub fn is_supported(code: &str) -> bool {
    let wanted = <&[u8; 3]>::try_from(code.as_bytes()).ok();
    wanted.is_some() && CODES.as_bytes().chunks(4).any(|known| known.first_chunk::<3>() == wanted)
}

/// Codes that are real and cannot be booked, so that a column of them is still seen as one of currencies.
const THREE_DIGITS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "CLF", "UYW"];

/// Whether this is a currency's code at all.
pub(super) fn is_code(code: &str) -> bool {
    is_supported(code) || THREE_DIGITS.contains(&code)
}

/// What a word or sign beside a number says about its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// A three-letter code, supported or not.
    Code(&'a str),
    /// A sign of one currency.
    One(&'static str),
    /// A sign shared by several; the default counts if it is one of them, else the first.
    Shared(&'static [&'static str]),
}

impl Said<'_> {
    /// The code meant, given the one to assume.
    pub(super) fn resolve(self, default: &str) -> String {
        match self {
            Self::Code(code) => code.to_ascii_uppercase(),
            Self::One(code) => code.to_owned(),
            Self::Shared(codes) => {
                if codes.contains(&default) {
                    default.to_owned()
                } else {
                    codes.first().copied().unwrap_or(default).to_owned()
                }
            }
        }
    }
}

const DOLLARS: &[&str] = &[
    "USD", "AUD", "CAD", "NZD", "SGD", "HKD", "MXN", "TWD", "ARS", "CLP", "COP", "BSD", "BBD", "JMD", "TTD", "FJD",
    "NAD",
];
const CROWNS: &[&str] = &["SEK", "NOK", "DKK", "ISK", "CZK"];
const YEN: &[&str] = &["JPY", "CNY"];
const RUPEES: &[&str] = &["INR", "PKR", "LKR", "NPR", "MUR"];

/// Reads a sign or a code as it stands beside an amount.
pub(super) fn said(word: &str) -> Option<Said<'_>> {
    Some(match word {
        "€" | "EURO" | "Euro" | "euro" | "EUROS" | "euros" => Said::One("EUR"),
        "£" => Said::One("GBP"),
        "₹" => Said::One("INR"),
        "zł" | "ZŁ" | "zl" | "Zł" => Said::One("PLN"),
        "Kč" | "KČ" | "kč" | "Kc" => Said::One("CZK"),
        "Ft" | "FT" | "ft" => Said::One("HUF"),
        "lei" | "LEI" | "Lei" => Said::One("RON"),
        "R$" => Said::One("BRL"),
        "C$" | "CA$" => Said::One("CAD"),
        "A$" | "AU$" => Said::One("AUD"),
        "S$" => Said::One("SGD"),
        "NZ$" => Said::One("NZD"),
        "HK$" => Said::One("HKD"),
        "US$" => Said::One("USD"),
        "₺" | "TL" => Said::One("TRY"),
        "₪" => Said::One("ILS"),
        "₽" => Said::One("RUB"),
        "₴" => Said::One("UAH"),
        "฿" => Said::One("THB"),
        "₫" => Said::One("VND"),
        "₩" => Said::One("KRW"),
        "₱" => Said::One("PHP"),
        "₦" => Said::One("NGN"),
        "RM" => Said::One("MYR"),
        "Fr" | "Fr." | "fr" | "SFr" | "sFr" | "SFr." => Said::One("CHF"),
        "R" => Said::One("ZAR"),
        "$" => Said::Shared(DOLLARS),
        "kr" | "Kr" | "KR" | "kr." => Said::Shared(CROWNS),
        "¥" | "￥" => Said::Shared(YEN),
        "Rs" | "Rs." | "RS" | "₨" => Said::Shared(RUPEES),
        code if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => Said::Code(code),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_with_three_minor_digits_or_none_at_all_are_not_supported() {
        for code in ["EUR", "JPY", "INR", "USD", "HUF"] {
            assert!(is_supported(code), "{code}");
        }
        for code in ["KWD", "BHD", "TND", "OMR", "JOD", "IQD", "LYD", "XYZ", "eur", "", "EU", "EUR "] {
            assert!(!is_supported(code), "{code}");
        }
    }

    #[test]
    fn shared_signs_follow_the_default() {
        assert_eq!(said("$").map(|s| s.resolve("AUD")).as_deref(), Some("AUD"));
        assert_eq!(said("$").map(|s| s.resolve("EUR")).as_deref(), Some("USD"));
        assert_eq!(said("kr").map(|s| s.resolve("NOK")).as_deref(), Some("NOK"));
        assert_eq!(said("KWD").map(|s| s.resolve("EUR")).as_deref(), Some("KWD"));
        assert_eq!(said("abc"), None);
    }
}
