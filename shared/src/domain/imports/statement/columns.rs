//! Which column is what: from the header's words where they are known, checked against and completed by the cells.

use super::find_money::{by_content, by_words};
use super::headers::{Heading, Role};
use super::mapping::SpendingSign;
use super::stats::{Sampled, Stat, dates_rise};

/// Where the money stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Money {
    Signed(usize),
    Split(Option<usize>, Option<usize>),
    Flagged(usize, usize),
}

impl Money {
    pub(super) fn columns(self) -> impl Iterator<Item = usize> {
        let (a, b) = match self {
            Self::Signed(at) | Self::Flagged(at, _) => (Some(at), None),
            Self::Split(debit, credit) => (debit, credit),
        };
        a.into_iter().chain(b)
    }
}

/// Every column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) date: usize,
    pub(super) value_date: Option<usize>,
    pub(super) money: Money,
    pub(super) balance: Option<usize>,
    pub(super) payee: Option<usize>,
    pub(super) payer: Option<usize>,
    pub(super) description: Vec<usize>,
    pub(super) kind: Option<usize>,
    pub(super) note: Vec<usize>,
    pub(super) currency: Option<usize>,
    pub(super) external_id: Option<usize>,
    pub(super) status: Option<usize>,
    /// Taken beside the amount, where the balance proves that it is.
    pub(super) fee: Option<usize>,
    /// Says debit or credit beside an amount that has a sign of its own.
    pub(super) hint: Option<usize>,
    /// What the header says of the sign.
    pub(super) sign: Option<SpendingSign>,
}

impl Columns {
    /// Columns that may hold the text of a record's second line.
    pub(super) fn is_text(&self, at: usize) -> bool {
        self.description.contains(&at)
            || self.note.contains(&at)
            || [self.payee, self.payer, self.kind].contains(&Some(at))
    }
}

/// What could not be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    Date,
    /// With the other columns, which need not be sent again.
    Amount(Box<Columns>),
}

/// The columns while they are given out.
pub(super) struct Board<'a> {
    pub(super) roles: Vec<Option<(Role, usize)>>,
    pub(super) stats: &'a [Stat],
    pub(super) rows: &'a [Sampled],
    pub(super) names: &'a [String],
    /// Whether the dates rise through the file.
    pub(super) dates_rise: Option<bool>,
}

impl Board<'_> {
    pub(super) fn stat(&self, at: usize) -> Stat {
        self.stats.get(at).cloned().unwrap_or_default()
    }

    pub(super) fn all(&self, wanted: &[Role]) -> Vec<usize> {
        let with = |role: Option<(Role, usize)>| role.is_some_and(|(role, _)| wanted.contains(&role));
        (0..self.roles.len()).filter(|at| with(self.roles.get(*at).copied().flatten())).collect()
    }

    /// The column of a role with the most specific heading, the first of equals.
    pub(super) fn best(&self, wanted: &[Role], fit: impl Fn(&Stat) -> bool) -> Option<usize> {
        let weight = |at: usize| self.roles.get(at).copied().flatten().map_or(0, |(_, weight)| weight);
        self.all(wanted).into_iter().filter(|at| fit(&self.stat(*at))).max_by_key(|at| (weight(*at), usize::MAX - at))
    }

    pub(super) fn fullest(&self, wanted: &[Role], fit: impl Fn(&Stat) -> bool) -> Option<usize> {
        self.all(wanted)
            .into_iter()
            .filter(|at| fit(&self.stat(*at)))
            .max_by_key(|at| (self.stat(*at).filled, usize::MAX - at))
    }

    pub(super) fn unknown(&self, fit: impl Fn(&Stat) -> bool) -> Vec<usize> {
        (0..self.stats.len())
            .filter(|at| self.roles.get(*at).copied().flatten().is_none() && fit(&self.stat(*at)))
            .collect()
    }

    pub(super) fn set(&mut self, at: usize, role: Role) {
        if let Some(slot) = self.roles.get_mut(at) {
            *slot = Some((role, 1));
        }
    }
}

/// Assigns the columns; `headings` is empty where there is no header.
pub(super) fn assign(
    headings: &[Option<Heading>],
    names: &[String],
    stats: &[Stat],
    rows: &[Sampled],
) -> Result<Columns, Missing> {
    let roles = (0..stats.len().max(headings.len()))
        .map(|at| headings.get(at).cloned().flatten().map(|h| (h.role, h.weight)))
        .collect();
    let mut board = Board { roles, stats, rows, names, dates_rise: None };
    correct_by_content(&mut board);

    // The booking date comes first: it is when the balance changed, it orders the statement, and it stays the same from
    // one export to the next. The value date only says from when interest counts.
    let ranks = [Role::Booked, Role::Operation, Role::Value, Role::Recorded];
    let mut dates: Vec<usize> = ranks
        .iter()
        .filter_map(|role| {
            let full = board.stat(board.fullest(&[*role], Stat::is_date)?).filled;
            board.best(&[*role], |s| s.is_date() && s.filled * 2 >= full)
        })
        .collect();
    dates.extend(board.unknown(Stat::is_date));
    let date = *dates.first().ok_or(Missing::Date)?;
    let value_date = dates.iter().copied().find(|at| *at != date);

    board.dates_rise = dates_rise(rows, date, None);
    let sign = board.fullest(&[Role::AmountOut], Stat::is_amount).map(|_| SpendingSign::Positive);
    let mut balance = board.fullest(&[Role::Balance], Stat::is_amount);
    let found = by_words(&board).or_else(|| by_content(&board, &mut balance));
    let money = found.unwrap_or(Money::Split(None, None));
    let hint = match money {
        Money::Signed(_) => board.fullest(&[Role::Flag], Stat::is_flag),
        Money::Split(..) | Money::Flagged(..) => None,
    };
    let fee = board.fullest(&[Role::Fee], Stat::is_amount);
    for at in money.columns().chain(balance).chain([date]) {
        board.set(at, Role::Other);
    }
    // The one beside the amount is the amount's.
    let codes = |at: &usize| board.stat(*at).is_code() && board.all(&[Role::Currency]).contains(at);
    let beside = money.columns().flat_map(|at| [Some(at + 1), at.checked_sub(1)]).flatten().find(codes);
    let currency = beside
        .or_else(|| board.fullest(&[Role::Currency], Stat::is_code))
        .or_else(|| board.unknown(Stat::is_code).first().copied());
    if let Some(at) = currency {
        board.set(at, Role::Other);
    }
    let external_id = board.best(&[Role::Id], |s| s.filled == rows.len() && s.distinct == s.filled);
    let booked = board.fullest(&[Role::Status], |s| s.texts > 0);
    let mut columns = Columns {
        date,
        value_date,
        money,
        balance,
        payee: None,
        payer: None,
        description: Vec::new(),
        kind: None,
        note: Vec::new(),
        currency,
        external_id,
        status: booked,
        fee,
        hint,
        sign,
    };
    texts(&board, &mut columns);
    if found.is_none() { Err(Missing::Amount(Box::new(columns))) } else { Ok(columns) }
}

/// Some words mean different things in different languages, and some banks use them loosely; the cells tell.
fn correct_by_content(board: &mut Board<'_>) {
    let details = board.all(&[Role::Details, Role::Party, Role::Payee]);
    for at in 0..board.stats.len() {
        let stat = board.stat(at);
        match board.roles.get(at).copied().flatten().map(|(role, _)| role) {
            // `Valuta` is a currency in Swedish and Italian, a date in German.
            Some(Role::Value | Role::Booked | Role::Operation) if !stat.is_date() && stat.is_code() => {
                board.set(at, Role::Currency);
            }
            Some(Role::Currency | Role::Amount) if stat.is_date() => board.set(at, Role::Value),
            Some(Role::Flag) if !stat.is_flag() && stat.is_amount() => board.set(at, Role::Amount),
            Some(Role::Kind) if stat.is_amount() && stat.fractions > 0 => board.set(at, Role::Amount),
            // "Info" and the like may say anything.
            Some(Role::Status) if stat.distinct > 6 || stat.length > stat.filled * 40 => board.set(at, Role::Note),
            Some(Role::Flag) if !stat.is_flag() => board.set(at, Role::Kind),
            Some(Role::Kind | Role::Status) if stat.is_flag() => board.set(at, Role::Flag),
            None if stat.is_flag() && stat.distinct == 2 => board.set(at, Role::Flag),
            // Chase calls its debit and credit column "Details" and has a "Description" as well.
            Some(Role::Details) if details.len() > 1 && stat.flags * 2 > stat.filled => {
                board.set(at, Role::Kind);
            }
            _ => {}
        }
    }
}

fn texts(board: &Board<'_>, columns: &mut Columns) {
    let names = board.names;
    let rows = board.rows.len();
    // A column that says the same in every row names the account's owner.
    let tells = |s: &Stat| s.texts > 0 && (rows < 4 || s.distinct > 1 || s.filled < rows);
    let speaks = |s: &Stat| s.filled == 0 || tells(s);
    // Of two the one that changes: the other is the account's own.
    let changes = |s: &Stat| s.distinct > 1 && speaks(s);
    let party = board.best(&[Role::Party], changes).or_else(|| board.best(&[Role::Party], speaks));
    let payee = board.best(&[Role::Payee], speaks);
    let from = board.best(&[Role::Payer], speaks);
    (columns.payee, columns.payer) = match (party, payee) {
        (Some(party), _) if board.stat(party).filled > 0 => (Some(party), from),
        (_, Some(payee)) => (Some(payee), from.or(party)),
        (party, None) => (party, from),
    };
    columns.description = board.all(&[Role::Details]);
    if columns.description.iter().any(|at| tells(&board.stat(*at))) {
        columns.description.retain(|at| speaks(&board.stat(*at)));
    }
    // Text that runs on in columns without a name, as PKO's does.
    if let Some(last) = columns.description.last().copied() {
        let nameless = |at: usize| names.get(at).is_some_and(String::is_empty) && board.stat(at).texts > 0;
        columns.description.extend((last + 1..names.len()).take_while(|at| nameless(*at)));
    }
    columns.kind = board.fullest(&[Role::Kind], |s| s.texts + s.flags > 0);
    columns.note = board.all(&[Role::Note]);
    let has = |at: &usize| board.stat(*at).filled > 0;
    if columns.payee.iter().chain(&columns.payer).chain(&columns.description).any(has) {
        return;
    }
    // Some banks put the whole text under "Buchungstext", which others use for the kind.
    if let Some(at) = board
        .all(&[Role::Kind])
        .into_iter()
        .filter(|at| board.stat(*at).is_text())
        .max_by_key(|at| board.stat(*at).length)
    {
        columns.description = vec![at];
        columns.kind = columns.kind.filter(|kind| *kind != at);
        return;
    }
    columns.description = board.unknown(|s| s.is_text() && tells(s)).into_iter().take(3).collect();
    if columns.description.is_empty() {
        columns.description = board.unknown(Stat::is_text).into_iter().take(1).collect();
    }
    if columns.description.is_empty() {
        std::mem::swap(&mut columns.description, &mut columns.note);
    }
}
