//! Where the words of a search stand in a text. A text is given back in pieces, so that no markup has to be put into it
//! or trusted.

use serde::Serialize;
use std::collections::HashSet;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Piece {
    /// The piece as it stands in the text: put together, the pieces are the text.
    #[schema(example = "NETFLIX")]
    pub text: String,
    /// Whether it is one of the words that were searched for.
    #[schema(example = true)]
    pub is_match: bool,
}

/// The words of a search that a match has, as `websearch_to_tsquery` reads it: those with a minus are left out.
pub(super) fn wanted(words: &str) -> HashSet<String> {
    let (mut wanted, mut refused) = (HashSet::new(), false);
    for (i, part) in words.split('"').enumerate() {
        let quoted = i % 2 == 1;
        for word in part.split_whitespace() {
            let (minus, plain) = (word.starts_with('-') && !quoted, word.trim_start_matches('-'));
            let operator = !quoted && plain.eq_ignore_ascii_case("or");
            if !(minus || operator || plain.is_empty() || quoted && refused) {
                wanted.insert(plain.to_lowercase());
            }
        }
        refused = part.ends_with('-');
    }
    wanted
}

/// Takes a text apart into words that are wanted and everything else.
pub(super) fn pieces(text: &str, wanted: &HashSet<String>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let is_word = |c: char| c.is_alphabetic() || c.is_ascii_digit();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let is_match = is_word(first) && wanted.contains(&run.to_lowercase());
        match pieces.last_mut() {
            Some(last) if !last.is_match && !is_match => last.text.push_str(run),
            _ => pieces.push(Piece { text: run.to_owned(), is_match }),
        }
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, words: &str) -> String {
        let pieces = pieces(text, &wanted(words));
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
        pieces.iter().map(|p| if p.is_match { format!("[{}]", p.text) } else { p.text.clone() }).collect()
    }

    #[test]
    fn whole_words_are_marked_however_they_are_written() {
        assert_eq!(shown("POS NETFLIX.COM 866", "netflix 866"), "POS [NETFLIX].COM [866]");
        assert_eq!(shown("Café Łódź, café", "CAFÉ łódź"), "[Café] [Łódź], [café]");
        assert_eq!(shown("netflixes", "netflix"), "netflixes");
        assert_eq!(shown("<b>Shop</b> & \"Co\"", "shop b"), "<[b]>[Shop]</[b]> & \"Co\"");
        assert_eq!(shown("", "a"), "");
    }

    #[test]
    fn words_that_a_match_must_not_have_are_not_marked() {
        assert_eq!(shown("corner shop or bakery", "corner -shop or bakery"), "[corner] shop or [bakery]");
        assert_eq!(shown("corner shop or bakery", "\"corner shop\" -\"or bakery\""), "[corner] [shop] or bakery");
        assert_eq!(shown("this or that", "\"this or\""), "[this] [or] that");
    }
}
