//! Amounts and units against another reading of their grammar, digit by digit and in whole numbers.

use super::{feed, recipe::Recipe};
use crate::{
    domain::{
        money::{Money, PositiveMoney, Worth},
        portfolio::Units,
    },
    platform::fields::{Fault, Field},
};
use rust_decimal::Decimal;

/// Reads `[-]digits[.digits]` as so many of the smallest unit, or says what is wrong with it.
fn model(text: &str, decimals: usize) -> Result<i128, &'static str> {
    const FAR: i128 = 1 << 100;
    let (mut value, mut before, mut after, mut point) = (0_i128, 0_usize, 0_usize, false);
    let rest = text.strip_prefix('-');
    for sign in rest.unwrap_or(text).chars() {
        match sign {
            '0'..='9' => {
                let digit = i128::from(u32::from(sign) - u32::from('0'));
                if point {
                    after += 1;
                } else {
                    before += 1;
                }
                value = (value * 10 + digit).min(FAR);
            }
            '.' if !point => point = true,
            _ => return Err("not"),
        }
    }
    if before == 0 || (point && after == 0) {
        return Err("not");
    }
    if after > decimals {
        return Err("too_many_decimals");
    }
    for _ in after..decimals {
        value = (value * 10).min(FAR);
    }
    Ok(if rest.is_some() { -value } else { value })
}

fn text(bytes: &[u8]) -> String {
    let mut recipe = Recipe(bytes);
    let odd = recipe.byte();
    let mut text = String::new();
    while !recipe.over() && text.len() < 30 {
        let plain = recipe.of(&['0', '1', '9', '9', '0', '5', '7', '.', '-']);
        let strange = recipe.of(&['+', 'e', 'E', '_', ' ', ',', 'N', 'a', '٣', '−', '\0', '\n', '"', '\\', 'x', '.']);
        text.push(if odd % 4 == 0 && recipe.byte() % 8 == 0 { strange } else { plain });
    }
    // A point where points are, more often than chance puts one there.
    if odd % 3 == 0 && text.len() > 3 && text.is_ascii() {
        text = text.replace(['.', '-'], "4");
        text.insert(text.len() - usize::from(odd / 3 % 4), '.');
    }
    text
}

fn code<T>(read: Result<T, Fault>) -> Result<T, &'static str> {
    read.map_err(|fault| fault.code)
}

#[test]
fn must_hold_23_an_amount_is_what_its_digits_say_or_refused() {
    feed(|bytes| {
        let text = text(bytes);
        let want = match model(&text, 2) {
            Err("not") => Err("not_an_amount"),
            Err(other) => Err(other),
            Ok(0) => Err("zero_amount"),
            Ok(cents) if cents.abs() > 99_999_999_999_999 => Err("too_large"),
            Ok(cents) => Ok(Decimal::new(i64::try_from(cents).unwrap(), 2)),
        };
        assert_eq!(code(Money::parse(&text)).map(Money::amount), want, "{text:?}");
        let string = serde_json::to_string(&text).unwrap();
        let unquoted = if text.contains('\0') { Err("nul_character") } else { want };
        assert_eq!(code(Money::from_json(&string)).map(Money::amount), unquoted, "{string}");
        if !text.starts_with('"') {
            assert_eq!(code(Money::from_json(&text)).map(Money::amount), want, "{text:?}");
        }
        let positive = if want.is_ok_and(|amount| amount.is_sign_negative()) { Err("not_positive") } else { want };
        assert_eq!(code(PositiveMoney::from_text(&text)).map(|positive| positive.0.amount()), positive, "{text:?}");
        let worth = match want {
            Err("zero_amount") => Ok(Decimal::ZERO),
            Ok(amount) if amount.is_sign_negative() => Err("negative"),
            other => other,
        };
        assert_eq!(code(Worth::from_text(&text)).map(|worth| worth.0.amount()), worth, "{text:?}");
        if let Ok(amount) = want {
            let shown = serde_json::to_string(&Money::of(amount)).unwrap();
            assert_eq!(Money::from_json(&shown).unwrap().amount(), amount, "{shown}");
        }
    });
}

#[test]
fn must_hold_23_units_are_what_their_digits_say_or_refused() {
    feed(|bytes| {
        let text = text(bytes);
        let want = match model(&text, 8) {
            Err("not") => Err("not_a_number"),
            Err(other) => Err(other),
            Ok(_) if text.starts_with('-') => Err("negative"),
            Ok(units) if units >= 10_i128.pow(20) => Err("too_large"),
            Ok(units) => Ok(Decimal::from_i128_with_scale(units, 8)),
        };
        assert_eq!(code(Units::parse(&text)).map(Units::number), want, "{text:?}");
    });
}
