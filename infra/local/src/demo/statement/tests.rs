use time::macros::date;

use super::*;

/// A Tuesday, a Sunday, the day after a leap day, the first of a year.
const DAYS: [Date; 4] = [date!(2026 - 11 - 24), date!(2026 - 11 - 22), date!(2024 - 03 - 01), date!(2027 - 01 - 01)];

fn records(statement: &Statement) -> Vec<Vec<&str>> {
    let (_, rows) = statement.text.split_once("Currency\r\n").unwrap();
    rows.lines().map(|line| line.split(';').collect()).collect()
}

fn cents(printed: &str) -> i64 {
    let (whole, part) = printed.rsplit_once(',').unwrap();
    let digits = whole.trim_start_matches('-');
    let groups: Vec<&str> = digits.split('.').collect();
    assert!((1..=3).contains(&groups[0].len()), "{printed}");
    assert!(groups[1..].iter().all(|group| group.len() == 3), "{printed}");
    assert_eq!(part.len(), 2, "{printed}");
    let amount = groups.concat().parse::<i64>().unwrap() * 100 + part.parse::<i64>().unwrap();
    if printed.starts_with('-') { -amount } else { amount }
}

fn day(dotted: &str) -> Date {
    let parts: Vec<i32> = dotted.split('.').map(|part| part.parse().unwrap()).collect();
    let month = Month::try_from(u8::try_from(parts[1]).unwrap()).unwrap();
    Date::from_calendar_date(parts[2], month, u8::try_from(parts[0]).unwrap()).unwrap()
}

#[test]
fn the_same_seed_and_day_give_the_same_text() {
    let profile = Profile::sample().unwrap();
    let text = |seed| Statement::generate(&profile, seed, DAYS[0]).unwrap().text;
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn a_year_has_about_three_thousand_rows_of_seven_fields() {
    for today in DAYS {
        let statement = Statement::until(today).unwrap();
        let rows = records(&statement);
        assert_eq!(rows.len(), statement.rows);
        assert!((2_700..=3_300).contains(&rows.len()), "{} rows until {today}", rows.len());
        assert!(rows.iter().all(|row| row.len() == 7 && row[6] == "EUR"));
        assert!(!statement.text.contains(['{', '}', '"']));
    }
}

#[test]
fn it_says_whose_it_is_and_for_which_time() {
    let text = Statement::until(DAYS[0]).unwrap().text;
    let head: Vec<&str> = text.split("\r\n").take(6).collect();
    assert_eq!(head[2], "Period;25.11.2025;24.11.2026");
    assert_eq!(head[4], "");
    assert_eq!(head[5], "Booking date;Value date;Description;Debit;Credit;Balance;Currency");
}

#[test]
fn rows_run_from_a_year_ago_to_today_in_order() {
    for today in DAYS {
        let statement = Statement::until(today).unwrap();
        let rows = records(&statement);
        let booked: Vec<Date> = rows.iter().map(|row| day(row[0])).collect();
        assert!(booked.is_sorted());
        assert_eq!(booked.last(), Some(&today));
        let from = year_before(today).unwrap();
        assert!(rows.iter().all(|row| day(row[1]) > from && day(row[1]) <= day(row[0])));
        // Only what the statement's end cuts short is booked on a weekend.
        let weekend = |date: &Date| date.weekday().number_days_from_monday() > 4;
        assert!(booked.iter().filter(|date| weekend(date)).all(|date| *date == today));
    }
}

#[test]
fn one_side_is_filled_and_the_balance_adds_up() {
    let statement = Statement::until(DAYS[1]).unwrap();
    let mut balance = 481_237;
    for row in records(&statement) {
        balance += match (row[3], row[4]) {
            (debit, "") => -cents(debit),
            ("", credit) => cents(credit),
            both => panic!("{both:?}"),
        };
        assert_eq!(cents(row[5]), balance);
        assert!(!row[3].starts_with('-') && !row[4].starts_with('-'));
    }
    assert!(statement.text.contains(";3.484,20;"));
}

#[test]
fn a_later_statement_tells_the_same_of_the_days_they_share() {
    let early = Statement::until(date!(2026 - 11 - 24)).unwrap();
    let late = Statement::until(date!(2026 - 11 - 25)).unwrap();
    let told = |statement: &Statement| -> Vec<String> {
        let rows = records(statement);
        let shared = rows.iter().filter(|row| (date!(2026 - 01 - 01)..date!(2026 - 11 - 20)).contains(&day(row[0])));
        shared.map(|row| [row[0], row[2], row[3], row[4]].join(";")).collect()
    };
    assert!(told(&early).len() > 2_000);
    assert_eq!(told(&early), told(&late));
}

#[test]
fn a_field_with_the_delimiter_is_quoted() {
    assert_eq!(quoted("a;b \"c\"", ";"), "\"a;b \"\"c\"\"\"");
    assert_eq!(quoted("a b", ";"), "a b");
}

#[test]
fn an_unknown_placeholder_is_named() {
    let error = fill("X {colour}", |name| common(name, DAYS[0], &mut Random::of(&[1]))).unwrap_err();
    assert!(error.to_string().contains("{colour}"), "{error}");
}
