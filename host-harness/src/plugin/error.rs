//! Why a call failed, in the contract's terms, and the failures a host finds
//! itself.

use std::fmt;

use crate::bindings::types;
use crate::secret::Injected;

/// The case of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// An identical call may succeed later.
    Transient,
    /// An identical call will fail again, or might act twice.
    Permanent,
    /// The component ended without a result: it trapped, or ran out of what it
    /// was given.
    ExecutionFailed,
}

impl Case {
    /// The case's name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Case::Transient => "transient",
            Case::Permanent => "permanent",
            Case::ExecutionFailed => "execution-failed",
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone)]
pub struct CallError {
    /// Whether the call may be repeated.
    pub case: Case,
    /// Everything known about it.
    pub failure: Box<types::Failure>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.failure.message)
    }
}

impl std::error::Error for CallError {}

impl From<types::Error> for CallError {
    fn from(error: types::Error) -> Self {
        let (case, failure) = match error {
            types::Error::Transient(failure) => (Case::Transient, failure),
            types::Error::Permanent(failure) => (Case::Permanent, failure),
            types::Error::ExecutionFailed => {
                return CallError::execution_failed("The component gave the call up.".to_owned());
            }
        };
        CallError {
            case,
            failure: Box::new(failure),
        }
    }
}

impl CallError {
    /// A failure found by the host itself, before the component was called.
    pub fn refused(kind: &str, path: Option<String>, message: String) -> Self {
        CallError {
            case: Case::Permanent,
            failure: Box::new(types::Failure {
                path,
                ..blank(kind, message)
            }),
        }
    }

    pub(super) fn execution_failed(message: String) -> Self {
        CallError {
            case: Case::ExecutionFailed,
            failure: Box::new(blank("host_error", message)),
        }
    }

    /// Puts what stands for a key wherever the failure repeats it.
    pub(super) fn hide(&mut self, key: &Injected) {
        let failure = &mut *self.failure;
        let said = [
            Some(&mut failure.type_),
            Some(&mut failure.message),
            failure.code.as_mut(),
            failure.decline_code.as_mut(),
            failure.param.as_mut(),
            failure.doc_url.as_mut(),
            failure.request_id.as_mut(),
            failure.raw.as_mut(),
        ];
        said.into_iter().flatten().for_each(|text| key.hide(text));
    }

    /// The same of a call that may have sent its request by then.
    pub(super) fn after_sending(mut self) -> Self {
        self.failure.may_have_been_sent |= self.case == Case::ExecutionFailed;
        self
    }

    /// Adds what the host knows of a connection's fault and the component
    /// cannot.
    pub(super) fn with_detail(mut self, detail: Option<String>) -> Self {
        let of_the_connection = matches!(
            self.failure.type_.as_str(),
            "connection_error" | "timeout_error" | "configuration_error" | "response_error"
        );
        if let (Some(detail), true, None) = (detail, of_the_connection, self.failure.status) {
            self.failure.message.push_str(&format!(" ({detail})"));
        }
        self
    }
}

fn blank(kind: &str, message: String) -> types::Failure {
    types::Failure {
        type_: kind.to_owned(),
        code: None,
        decline_code: None,
        param: None,
        message,
        doc_url: None,
        request_id: None,
        status: None,
        attempts: 0,
        retry_after_ms: None,
        idempotency_key: None,
        may_have_been_sent: false,
        path: None,
        raw: None,
    }
}
