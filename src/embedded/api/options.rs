//! What may stand in the parameters of a request that changes something.

use serde_json::json;

use super::call::{Params, Verb};
use super::failure::{About, Cause, Failure};

/// The content type of server-side apply.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// The longest name of a field manager, in bytes.
const LONGEST_MANAGER: usize = 128;

/// Refuses parameters that make no sense.
pub(super) fn check(verb: Verb, params: &Params) -> Result<(), Failure> {
    let mut causes = Vec::new();
    if verb == Verb::Patch {
        check_apply(params, &mut causes);
    }
    check_manager(params, &mut causes);
    let dry_run = params.text("dryRun");
    if !matches!(dry_run, "" | "All") {
        causes.push(unsupported("dryRun", &json!([dry_run]).to_string(), &["All"]));
    }
    let validation = params.text("fieldValidation");
    if !matches!(validation, "" | "Ignore" | "Strict" | "Warn") {
        let known = ["Ignore", "Strict", "Warn"];
        causes.push(unsupported("fieldValidation", &format!("{validation:?}"), &known));
    }
    refuse(verb, &causes)
}

/// Refuses the options of a request if anything is wrong with them.
pub(super) fn refuse(verb: Verb, causes: &[Cause]) -> Result<(), Failure> {
    if causes.is_empty() {
        return Ok(());
    }
    let kind = match verb {
        Verb::Create => "CreateOptions",
        Verb::Delete | Verb::DeleteCollection => "DeleteOptions",
        Verb::Get | Verb::List | Verb::Watch => "ListOptions",
        Verb::Patch => "PatchOptions",
        Verb::Update => "UpdateOptions",
    };
    let about = About { group: "meta.k8s.io", resource: kind, name: "" };
    Err(Failure::invalid(about, causes))
}

/// A value that is not one of a few.
pub(super) fn unsupported(field: &str, value: &str, known: &[&str]) -> Cause {
    let known: Vec<String> = known.iter().map(|known| format!("{known:?}")).collect();
    Cause {
        reason: "FieldValueNotSupported",
        message: format!("Unsupported value: {value}: supported values: {}", known.join(", ")),
        field: field.to_owned(),
    }
}

fn check_apply(params: &Params, causes: &mut Vec<Cause>) {
    let applies = params.content_type == APPLY;
    if applies && params.text("fieldManager").is_empty() {
        causes.push(Cause {
            message: "Required value: is required for apply patch".to_owned(),
            ..Cause::required("fieldManager")
        });
    } else if !applies && params.has("force") {
        causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
    }
}

fn check_manager(params: &Params, causes: &mut Vec<Cause>) {
    let manager = params.text("fieldManager");
    if manager.len() > LONGEST_MANAGER {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {LONGEST_MANAGER} bytes"),
            field: "fieldManager".to_owned(),
        });
    }
    for (at, sign) in manager.char_indices().filter(|(_, sign)| sign.is_control()) {
        let code = u32::from(sign);
        let why = format!("invalid character U+{code:04X} (at position {at})");
        causes.push(Cause::invalid("fieldManager", &json!(manager), &why));
    }
}
