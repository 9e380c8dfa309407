//! Why a command failed, and the exit code that says whose fault it is.

use std::{fmt, io, process::ExitCode};

use crate::{
    config::ConfigErrors,
    store::{DbError, OpenError, backup::BackupError},
};

/// Why a command failed. An error that nothing else is said of is the system's.
#[derive(Debug)]
pub enum Failure {
    /// The input is wrong: exit code 1.
    Input(anyhow::Error),
    /// The settings are wrong: exit code 1.
    Settings(ConfigErrors),
    /// The disk, the network or a bug: exit code 3.
    System(anyhow::Error),
    /// It was said already what is wrong with the input: exit code 1.
    Said,
    /// Nobody reads what we write any more: exit code 0, as for `jarshy … | head`.
    NobodyReads,
}

impl Failure {
    /// What was given is wrong; the sentence names the remedy.
    pub fn input(sentence: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Failure {
        Failure::Input(anyhow::Error::msg(sentence))
    }

    /// The machine did not do it; the sentence names the remedy.
    pub fn system(sentence: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Failure {
        Failure::System(anyhow::Error::msg(sentence))
    }

    /// All that is wrong, in one line; for a log.
    pub fn sentence(&self) -> String {
        match self {
            Failure::Input(error) | Failure::System(error) => format!("{error:#}"),
            Failure::Settings(errors) => errors.to_string(),
            Failure::Said | Failure::NobodyReads => String::new(),
        }
    }

    /// Says it on standard error, never with a backtrace.
    #[expect(clippy::print_stderr, reason = "the one place where a command says why it failed")]
    pub fn report(&self) -> ExitCode {
        match self {
            Failure::Input(error) => {
                eprintln!("jarshy: {error:#}");
                ExitCode::from(1)
            }
            Failure::Settings(errors) => {
                errors.0.iter().for_each(|fault| eprintln!("{fault}"));
                ExitCode::from(1)
            }
            Failure::System(error) => {
                eprintln!("jarshy: {error:#}");
                ExitCode::from(3)
            }
            Failure::Said => ExitCode::from(1),
            Failure::NobodyReads => ExitCode::SUCCESS,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        match error.downcast::<ConfigErrors>() {
            Ok(errors) => Failure::Settings(errors),
            Err(error) => Failure::System(error),
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Failure {
        Failure::Settings(errors)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        let remedy = match error {
            OpenError::Newer { .. } => "",
            OpenError::Damaged { .. } => "; restore a backup with `jarshy restore`",
            OpenError::Failed { .. } => {
                "; check its permissions, or name another folder with --data"
            }
        };
        Failure::system(format!("{error}{remedy}"))
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Failure {
        let remedy = match error {
            DbError::Busy => "; another process writes, try again",
            DbError::Full | DbError::NoRoom => "; make room and try again",
            DbError::Damaged(_) => "; restore a backup with `jarshy restore`",
            DbError::Conflict => "; try again",
            DbError::Constraint(_) | DbError::Failed(_) => "",
        };
        Failure::system(format!("{error}{remedy}"))
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Failure {
        match error {
            BackupError::Input(sentence) => Failure::input(sentence),
            BackupError::Failed(sentence) => Failure::system(sentence),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::NobodyReads,
            _ => Failure::System(error.into()),
        }
    }
}
