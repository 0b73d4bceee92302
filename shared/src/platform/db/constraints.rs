//! What the violation of a named constraint tells the client: the one place where the database's names become codes.

use crate::platform::problem::Problem;

/// The answer for a constraint, if its violation is something a client can mend.
pub(super) fn problem(constraint: &str) -> Option<Problem> {
    let (code, detail) = match constraint {
        "users_email_key" => ("email_taken", "This email has an account: log in, or use another."),
        "budgets_category_key" | "budget_periods_overlap" | "budget_periods_pkey" => {
            ("budget_exists", "A budget for this category, currency and period was made at the same moment: fetch it.")
        }
        "merchant_aliases_pkey" => (
            "merchant_exists",
            "A merchant that goes by one of these names was made at the same moment: search for it.",
        ),
        "merchant_merges_standing_key" => {
            ("already_merged", "This merchant was merged at the same moment: search for it by its name.")
        }
        "merchant_name_key" => ("merchant_exists", "A merchant of this name exists: search for it."),
        "schedules_pkey" => ("schedule_exists", "A schedule of this name exists: change it, or choose another name."),
        _ => return None,
    };
    Some(Problem::conflict(code, detail))
}
