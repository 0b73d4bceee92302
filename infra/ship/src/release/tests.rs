use super::*;

fn version(number: u64, release: &str) -> Version {
    Version { number, release: release.to_owned(), handler: "auth.login".to_owned() }
}

fn function(name: &str, on: u64, description: &str, versions: &[(u64, &str)]) -> Standing {
    let alias = Alias { version: on, description: description.to_owned(), revision: "r".to_owned() };
    let versions = versions.iter().map(|(number, release)| version(*number, release)).collect();
    Standing { name: name.to_owned(), alias, versions }
}

fn published(name: &str, number: u64, release: &str) -> Published {
    Published { name: name.to_owned(), version: version(number, release) }
}

const NOBODY: &dyn Fn(&str) -> bool = &|_| false;

#[test]
fn a_release_remembers_what_it_came_after_and_goes_back_to_that() {
    let all = [function("a", 1, "", &[(1, "one"), (2, "two")])];
    let moves = forward(&all, &[published("a", 2, "two")], NOBODY);
    assert_eq!(moves.first().map(|one| (one.to, one.description.as_str())), Some((2, "two after one")));

    // A third that nobody was sent to does not count as what came before.
    let all = [function("a", 3, "three after one", &[(1, "one"), (2, "two"), (3, "three")])];
    let (release, moves, without) = backward(&all, None, NOBODY).unwrap();
    assert_eq!((release.as_str(), without.len()), ("one", 0));
    assert_eq!(moves.first().map(|one| (one.to, one.description.as_str())), Some((1, "one, back from three")));
}

#[test]
fn the_same_release_once_more_does_not_forget_what_came_before() {
    let all = [function("a", 2, "two after one", &[(1, "one"), (2, "two")])];
    let moves = forward(&all, &[published("a", 3, "two")], NOBODY);
    assert_eq!(moves.first().map(|one| one.description.as_str()), Some("two after one"));
}

#[test]
fn going_back_from_going_back_needs_a_name() {
    let all = [function("a", 1, "one, back from two", &[(1, "one"), (2, "two")])];
    let said = backward(&all, None, NOBODY).unwrap_err().to_string();
    assert!(said.contains("--to RELEASE"), "{said}");
    let (_, moves, _) = backward(&all, Some("two"), NOBODY).unwrap();
    assert_eq!(moves.first().map(|one| one.to), Some(2));
    let said = backward(&all, Some("ten"), NOBODY).unwrap_err().to_string();
    assert!(said.contains("no function has a version of ten"), "{said}");
}

#[test]
fn a_function_that_an_earlier_release_had_not_is_named_and_left() {
    let all = [function("old", 2, "two after one", &[(1, "one"), (2, "two")]), function("new", 1, "", &[(1, "two")])];
    let (_, moves, without) = backward(&all, Some("one"), NOBODY).unwrap();
    assert_eq!(moves.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["old"]);
    assert_eq!(without, ["new"]);
}

#[test]
fn three_versions_are_kept_and_whatever_is_called_or_came_before() {
    let versions = [(1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "five"), (6, "six")];
    assert_eq!(superfluous(&function("a", 6, "six after five", &versions)), [1, 2, 3]);
    assert_eq!(superfluous(&function("a", 6, "six after one", &versions)), [2, 3]);
    assert_eq!(superfluous(&function("a", 2, "two, back from six", &versions)), [1, 3]);
    assert_eq!(superfluous(&function("a", 1, "", &[(1, "one")])), Vec::<u64>::new());
}

type Moved = std::sync::Arc<std::sync::Mutex<Vec<(String, u64)>>>;

/// A Lambda that knows aliases and no more: where each is, in the order in which they were moved.
fn lambda(refuses: &'static str) -> (Aws, Moved) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let aws = Aws::local(&format!("http://{}", listener.local_addr().unwrap()));
    let moved = Moved::default();
    let seen = moved.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let (mut first, mut length) = (String::new(), 0);
            stream.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.trim().to_lowercase();
                length = line.strip_prefix("content-length: ").map_or(length, |text| text.parse().unwrap());
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let name = first.split('/').nth(3).unwrap_or_default().to_owned();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let version = body.get("FunctionVersion").and_then(|text| text.as_str()).unwrap().parse().unwrap();
            let (status, says) =
                if name == refuses { ("403 Forbidden", r#"{"Message":"not allowed"}"#) } else { ("200 OK", "{}") };
            if status == "200 OK" {
                seen.lock().unwrap().push((name, version));
            }
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{says}", says.len());
            stream.get_mut().write_all(head.as_bytes()).unwrap();
        }
    });
    (aws, moved)
}

fn step(name: &str, worker: bool) -> Move {
    let from = Alias { version: 1, description: String::new(), revision: "r".to_owned() };
    Move { name: name.to_owned(), worker, from, to: 2, description: "two after one".to_owned() }
}

#[test]
fn all_are_moved_together_and_workers_first() {
    let (aws, seen) = lambda("");
    go(&aws, &[step("a", false), step("b", false), step("w", true), step("c", false)]).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    assert_eq!(seen.first(), Some(&("w".to_owned(), 2)));
}

#[test]
fn one_that_cannot_be_moved_sends_all_back() {
    let (aws, seen) = lambda("b");
    let moves: Vec<_> = ["w", "a", "b", "c"].into_iter().map(|name| step(name, name == "w")).collect();
    let said = go(&aws, &moves).unwrap_err().to_string();
    assert!(said.contains("1 of 4 could not be moved, all are where they were") && said.contains("b: "), "{said}");
    let mut at = BTreeMap::new();
    at.extend(seen.lock().unwrap().clone());
    assert_eq!(at, BTreeMap::from(["w", "a", "c"].map(|name| (name.to_owned(), 1))));
}
