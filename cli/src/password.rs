//! Passwords: from a file, from stdin, or asked for on a terminal; never on the command line.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::files;
use crate::problem::Problem;
use crate::progress;

/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// Where a password comes from.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Password")]
pub(crate) struct Password {
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password from stdin
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,
}

impl Password {
    /// The password, if one is given.
    pub(crate) fn given(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        match &self.password_file {
            Some(path) => from_file(path).map(Some),
            None if self.password_stdin => from_file(Path::new("-")).map(Some),
            None => Ok(None),
        }
    }

    /// The password, asked for twice on a terminal where none is given.
    pub(crate) fn chosen(&self, what: &str) -> anyhow::Result<Zeroizing<String>> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        let first = ask(&format!("Password for {what}: "))?;
        let Some(first) = first else {
            return Err(Problem::usage(format!("{what} needs a password"))
                .hint("give one with --password-file FILE or --password-stdin"));
        };
        if ask("Once more: ")?.as_ref() != Some(&first) {
            return Err(Problem::usage("the passwords are not the same").hint("try again"));
        }
        Ok(first)
    }

    /// The password of something that exists, asked for on a terminal where none is given.
    pub(crate) fn chosen_once(&self, what: &str) -> anyhow::Result<Zeroizing<String>> {
        let given = match self.given()? {
            Some(given) => Some(given),
            None => ask(&format!("Password of {what}: "))?,
        };
        given.ok_or_else(|| {
            Problem::usage(format!("{what} needs its password"))
                .hint("give it with --password-file FILE or --password-stdin")
        })
    }

    /// The password, or a new one; and whether it is new.
    pub(crate) fn given_or_made(&self) -> anyhow::Result<(Zeroizing<String>, bool)> {
        match self.given()? {
            Some(given) => Ok((given, false)),
            None => Ok((generate()?, true)),
        }
    }
}

/// The first line of a file, which must not be empty.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(files::read(path)?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(
            Problem::usage(format!("{} holds no password", path.display()))
                .hint("its first line is the password; an empty one protects nothing"),
        );
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Asks on a terminal; `None` where there is none.
pub(crate) fn ask(prompt: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let _quiet = progress::quiet();
    Ok(Some(Zeroizing::new(rpassword::prompt_password(prompt)?)))
}

/// 100 random bits in 20 characters, in groups of five.
fn generate() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 20]);
    rand::fill(&mut *bytes).map_err(|_| anyhow::anyhow!("there is no randomness"))?;
    let mut password = Zeroizing::new(String::new());
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 5 == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(password)
}
