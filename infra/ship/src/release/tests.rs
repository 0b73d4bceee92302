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
