//! Whose fault a failure is: what decides whether a batch goes on, and whether a
//! line is tried again when it is resumed. It judges failures and knows no
//! journal.

use stripe_harness::{CallError, Case};

use super::super::render;

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The line's: it would fail again.
    Line,
    /// Not the line's: the same line may succeed later, or when a permission, a
    /// policy, a flag or the way to Stripe has been mended.
    Circumstances,
    /// The connection's: no line can succeed before it has been mended.
    Connection,
}

impl Fault {
    /// Judges a failure. A key of the line's own says nothing about the
    /// connection's; nor does TLS where another line was answered, since Stripe has
    /// hosts of its own for some methods.
    pub(super) fn of(error: &CallError, has_own_key: bool, was_answered: bool) -> Fault {
        let failure = &error.failure;
        let is_permanent = error.case == Case::Permanent;
        match failure.type_.as_str() {
            "authentication_error" if !has_own_key => Fault::Connection,
            "configuration_error" if render::is_not_allowed(failure) => Fault::Connection,
            // No TLS came about, which repeating does not change.
            "connection_error" if is_permanent && !failure.may_have_been_sent && !was_answered => {
                Fault::Connection
            }
            "authentication_error"
            | "permission_error"
            | "policy_error"
            | "configuration_error"
            | "connection_error"
            | "timeout_error"
            | "response_error" => Fault::Circumstances,
            // By other names: OAuth's and API v2's.
            _ if matches!(failure.status, Some(401 | 403)) => Fault::Circumstances,
            _ if is_permanent => Fault::Line,
            _ => Fault::Circumstances,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a `baseUrl`, uploads go to a host of their own.
    #[test]
    fn tls_is_the_connections_fault_only_before_any_answer() {
        let error = CallError::refused("connection_error", None, "No TLS.".to_owned());
        assert_eq!(error.case, Case::Permanent);
        assert!(!error.failure.may_have_been_sent);
        for (was_answered, fault) in [(false, Fault::Connection), (true, Fault::Circumstances)] {
            assert_eq!(Fault::of(&error, false, was_answered), fault);
        }
    }
}
