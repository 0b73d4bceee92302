//! Every figure of a summary against a model that adds up rows one by one.

use crate::{
    mails_model::{MERCHANTS, Row, Words, counts, known, lead, lines, models, out_and_in, random_rows, store},
    support::{
        Fresh, Random,
        post::{deliver, wants, write_due},
    },
};
use shared::domain::{auth::Me, mails::Summary};
use std::collections::BTreeSet;
use time::{Date, Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

async fn sent(fresh: &Fresh, summary: Summary, now: OffsetDateTime) -> shared::domain::mails::Letter {
    let db = fresh.db();
    let mails = write_due(&db, summary, now).await;
    deliver(&db, mails[0], now).await.unwrap().remove(0)
}

#[tokio::test]
async fn must_hold_24_25_a_weekly_summary_says_what_adding_up_the_rows_says() {
    let words = Words { one: "week before".into(), then: "the week before".into(), each: "week" };
    let mondays = [
        (1, datetime!(2026-03-16 08:00 UTC), "9 – 15 March 2026", 80),
        (2, datetime!(2027-01-04 08:00 UTC), "28 December 2026 – 3 January 2027", 70),
        (3, datetime!(2028-03-06 08:00 UTC), "28 February – 5 March 2028", 25),
        (4, datetime!(2026-03-16 08:00 UTC), "9 – 15 March 2026", 6),
    ];
    for (seed, now, week, back) in mondays {
        let fresh = Fresh::new().await;
        let me = fresh.user().await;
        wants(&fresh, &me, "UTC", &["weekly_summary"]).await;
        // Another user's rows are nobody's business.
        let mut random = Random::new(seed);
        store(&fresh, &fresh.user().await, &random_rows(&mut random, now.date(), 30)[..50]).await;
        let rows = random_rows(&mut random, now.date(), back);
        store(&fresh, &me, &rows).await;
        let monday = now.date() - Duration::days(7);
        let of = |n: i64| (monday - Duration::weeks(n), monday - Duration::weeks(n) + Duration::days(6));
        let periods: Vec<_> = (0..=8).map(of).collect();
        let models = models(&rows, &periods, &words);
        let mut expected = vec![lead(&models[0], "last week")];
        for model in &models {
            expected.push(format!("IN {}", model.currency));
            expected.extend(model.totals());
            expected.extend(model.categories(5));
            expected.extend(model.merchants());
            expected.extend(model.largest(3));
        }
        let letter = sent(&fresh, Summary::Weekly, now).await;
        assert_eq!(letter.subject, format!("Your week, {week}"));
        assert_eq!(lines(&letter.text), expected, "seed {seed}");
        assert!(!letter.html.contains("<i>bar") && !letter.html.contains("<b>label"), "what was written is text");
    }
}

fn month(of: Date, back: i32) -> (Date, Date) {
    let index = of.year() * 12 + i32::from(u8::from(of.month())) - 1 - back;
    let name = time::Month::try_from(u8::try_from(index.rem_euclid(12) + 1).unwrap()).unwrap();
    let year = index.div_euclid(12);
    (Date::from_calendar_date(year, name, 1).unwrap(), Date::from_calendar_date(year, name, name.length(year)).unwrap())
}

#[tokio::test]
async fn must_hold_24_25_a_monthly_report_says_what_adding_up_the_rows_says() {
    let firsts = [
        (1, datetime!(2026-04-01 00:00 UTC), "March", "February", "2026", 240),
        (2, datetime!(2028-03-01 00:00 UTC), "February", "January", "2028", 130),
        (3, datetime!(2027-01-03 00:00 UTC), "December", "November", "2026", 45),
    ];
    for (seed, now, name, earlier, year, back) in firsts {
        let words = Words { one: earlier.into(), then: format!("in {earlier}"), each: "month" };
        let fresh = Fresh::new().await;
        let me = fresh.user().await;
        wants(&fresh, &me, "UTC", &["monthly_report"]).await;
        let mut random = Random::new(seed);
        store(&fresh, &fresh.user().await, &random_rows(&mut random, now.date(), 30)[..50]).await;
        let rows = random_rows(&mut random, now.date(), back);
        store(&fresh, &me, &rows).await;
        let periods: Vec<_> = (1..=7).map(|n| month(now.date(), n)).collect();
        let models = models(&rows, &periods, &words);
        let mut expected = vec![lead(&models[0], &format!("in {name}"))];
        for model in &models {
            expected.push(format!("IN {}", model.currency));
            expected.extend(model.totals());
            let (spent, income) = out_and_in(&model.periods[0]);
            if income > 0 {
                let share = |part: i64| (part * 200 + income) / (income * 2);
                expected.push(if income >= spent {
                    format!("Savings rate: {} % of what came in is left.", share(income - spent))
                } else {
                    format!("You spent {} % more than came in.", share(spent - income))
                });
            }
            expected.extend(model.categories(10));
            expected.extend(model.largest(5));
        }
        let letter = sent(&fresh, Summary::Monthly, now).await;
        assert_eq!(letter.subject, format!("Your {name} {year}"));
        assert_eq!(lines(&letter.text), expected, "seed {seed}");

        let recognised = |from: Date, to: Date| -> BTreeSet<usize> {
            let within =
                rows.iter().filter(|row| counts(row) && known(row.merchant) && row.date >= from && row.date <= to);
            within.map(|row| row.merchant).collect()
        };
        let this = recognised(periods[0].0, periods[0].1);
        let ever = recognised(Date::MIN, periods[0].0 - Duration::DAY);
        let each = (1..=3).map(|n| recognised(periods[n].0, periods[n].1));
        let steady = each.reduce(|a, b| a.intersection(&b).copied().collect()).unwrap();
        let says = |what: &str| letter.text.lines().find(|line| line.starts_with(what)).unwrap_or_default().to_owned();
        let (new, gone) = (says("For the first time"), says("In each of the three"));
        for (merchant, name) in MERCHANTS.iter().enumerate().take(4) {
            assert_eq!(new.contains(name), this.contains(&merchant) && !ever.contains(&merchant), "{name} in {new}");
            assert_eq!(
                gone.contains(name),
                !this.contains(&merchant) && steady.contains(&merchant),
                "{name} in {gone}"
            );
        }
    }
}

#[tokio::test]
async fn merchants_that_came_and_went_are_told() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    wants(&fresh, &me, "UTC", &["monthly_report"]).await;
    let row = |merchant: usize, date: Date, deleted: bool| Row {
        date,
        cents: 100,
        currency: "EUR",
        category: "Home",
        merchant,
        deleted,
    };
    let months: Vec<_> = (0..=5).map(|n| month(time::macros::date!(2026 - 03 - 01), n).0).collect();
    let rows = [
        // Steady until now; missing in one of the three; deleted now.
        vec![row(0, months[1], false), row(0, months[2], false), row(0, months[3], false), row(0, months[0], true)],
        vec![row(1, months[1], false), row(1, months[3], false)],
        // New; and not new, because it was there long ago.
        vec![row(2, months[0], false), row(2, months[1], true)],
        vec![row(3, months[0], false), row(3, months[5], false)],
    ];
    store(&fresh, &me, &rows.concat()).await;
    let text = sent(&fresh, Summary::Monthly, datetime!(2026-04-01 00:00 UTC)).await.text;
    assert!(text.contains("\nFor the first time: Gamma.\n"), "{text}");
    assert!(text.contains("\nIn each of the three months before, and not in this one: Alpha.\n"), "{text}");
}

async fn budget(fresh: &Fresh, me: &Me, category: &str, amount: &str, from: Date, to: Date) -> Uuid {
    let (id, mut conn) = (Uuid::now_v7(), fresh.admin().await);
    let budget = "INSERT INTO budgets (user_id, id, category, currency, changed_seq) VALUES ($1, $2, $3, 'EUR', 1)";
    sqlx::query(budget).bind(me.user_id).bind(id).bind(category).execute(&mut conn).await.unwrap();
    let period = "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
                  VALUES ($1, $2, $3, $4, $5::text::numeric)";
    let period = sqlx::query(period).bind(me.user_id).bind(id).bind(from).bind(to).bind(amount);
    period.execute(&mut conn).await.unwrap();
    id
}

#[tokio::test]
async fn budgets_are_watched_and_judged_and_charges_are_expected() {
    use time::macros::date;
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    // It is Monday the 16th there, and still Sunday in UTC.
    wants(&fresh, &me, "Pacific/Kiritimati", &["weekly_summary", "monthly_report"]).await;
    let row = |cents: i64, category: &'static str, date: Date, deleted: bool| Row {
        date,
        cents,
        currency: "EUR",
        category,
        merchant: 4,
        deleted,
    };
    let rows = [
        row(10_001, "Groceries", date!(2026 - 03 - 10), false),
        row(99_999, "Groceries", date!(2026 - 03 - 10), true),
        row(8000, "Fuel", date!(2026 - 03 - 10), false),
        row(8001, "Travel", date!(2026 - 03 - 10), false),
        row(10_000, "Home", date!(2026 - 03 - 11), false),
        row(30_000, "My own <b>label</b>", date!(2026 - 03 - 11), false),
    ];
    store(&fresh, &me, &rows).await;
    let march = (date!(2026 - 03 - 01), date!(2026 - 03 - 31));
    for category in ["Groceries", "Fuel", "Travel", "Home"] {
        budget(&fresh, &me, category, "100", march.0, march.1).await;
    }
    // Over since yesterday; gone; of next month.
    budget(&fresh, &me, "Entertainment", "0.01", march.0, date!(2026 - 03 - 15)).await;
    let gone = budget(&fresh, &me, "My own <b>label</b>", "1", march.0, march.1).await;
    let delete = "UPDATE budgets SET is_deleted = true, deleted_at = now() WHERE id = $1";
    sqlx::query(delete).bind(gone).execute(&mut fresh.admin().await).await.unwrap();
    budget(&fresh, &me, "Education", "0.01", date!(2026 - 04 - 01), date!(2026 - 04 - 30)).await;

    let mut conn = fresh.admin().await;
    let netflix = crate::support::merchant(&mut conn, "Netflix", "Subscriptions", &[]).await;
    let charges = [
        (Some(netflix), "Subscriptions", "15.99", date!(2026 - 03 - 16), true),
        (None, "Insurance", "80.00", date!(2026 - 03 - 22), true),
        (None, "Home", "1.00", date!(2026 - 03 - 15), true),
        (None, "Home", "2.00", date!(2026 - 03 - 23), true),
        (None, "Home", "3.00", date!(2026 - 03 - 18), false),
    ];
    for (key, (merchant, name, amount, date, active)) in (1_i64..).zip(charges) {
        let row = "INSERT INTO recurrences (user_id, id, merchant_id, merchant_key, name, currency, amount, amount_mean, period_days,
                                            next_expected_date, confidence, is_active, changed_seq)
                   VALUES ($1, $2, $3, $8, $4, 'EUR', $5::text::numeric, 1, 30, $6, 0.9, $7, 1)";
        let row = sqlx::query(row).bind(me.user_id).bind(Uuid::now_v7()).bind(merchant).bind(name).bind(amount);
        row.bind(date).bind(active).bind(key).execute(&mut conn).await.unwrap();
    }
    let text = sent(&fresh, Summary::Weekly, datetime!(2026-03-15 18:00 UTC)).await.text;
    let (_, rest) = text.split_once("BUDGETS TO WATCH\n").unwrap();
    let expected = "- Groceries: 100.01 of 100.00 EUR (100 % · 0.01 EUR over · until Tue 31 March)\n\
                    - Home: 100.00 of 100.00 EUR (100 % · 0.00 EUR left · until Tue 31 March)\n\
                    - Travel: 80.01 of 100.00 EUR (80 % · 19.99 EUR left · until Tue 31 March)\n\n\
                    EXPECTED IN THE NEXT SEVEN DAYS\n\
                    - Netflix: about 15.99 EUR (Mon 16 March)\n\
                    - Insurance: about 80.00 EUR (Sun 22 March)\n\n";
    assert!(rest.starts_with(expected), "{rest}");

    let text = sent(&fresh, Summary::Monthly, datetime!(2026-03-31 10:00 UTC)).await.text;
    let (_, rest) = text.split_once("BUDGETS: 4 OF 5 KEPT\n").unwrap();
    let expected = "- Groceries: 100.01 of 100.00 EUR (100 % · 0.01 EUR over · not kept)\n\
                    - Home: 100.00 of 100.00 EUR (100 % · 0.00 EUR left · kept)\n\
                    - Travel: 80.01 of 100.00 EUR (80 % · 19.99 EUR left · kept)\n\
                    - Fuel: 80.00 of 100.00 EUR (80 % · 20.00 EUR left · kept)\n\
                    - Entertainment: 0.00 of 0.01 EUR (0 % · 0.01 EUR left · kept)\n\n";
    assert!(rest.starts_with(expected), "{rest}");
}
