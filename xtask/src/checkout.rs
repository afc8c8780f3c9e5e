//! What git says of the sources: the commit they are, whether they are exactly
//! that, and which files they are. Where git knows nothing of them, or only of a
//! repository around them, the commit is what the person says.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::note;
use crate::project::output;

/// Sources, and what is made among them.
pub(crate) struct Checkout<'p> {
    /// The workspace's folder.
    pub(crate) root: &'p Path,
    /// Folders that a release writes to, which are none of the sources wherever
    /// they are.
    pub(crate) made: Vec<&'p Path>,
    /// Git, as it is started.
    git: OsString,
}

/// A commit, if the text names one in full.
pub(crate) fn commit(text: &str) -> Result<String> {
    ensure!(
        text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "--revision is no commit, but {text:?}: write its 40 hexadecimal digits"
    );
    Ok(text.to_ascii_lowercase())
}

impl<'p> Checkout<'p> {
    pub(crate) fn new(root: &'p Path, made: &[&'p Path]) -> Self {
        Self {
            root,
            made: made.to_vec(),
            git: "git".into(),
        }
    }

    /// The commit, with `-dirty` if the files are not exactly its; else the one that
    /// was `given`; else none. What is less than a commit is told.
    pub(crate) fn revision(&self, given: Option<String>) -> Result<Option<String>> {
        let commit = match (self.head(), given) {
            (Err(why), Some(given)) => {
                note(&format!(
                    "note: the revision is what --revision says, unproved: {why:#}"
                ));
                return Ok(Some(given));
            }
            (Err(why), None) => {
                note(&format!(
                    "warning: the metadata name no revision (name it with --revision HEX): {why:#}"
                ));
                return Ok(None);
            }
            (Ok(commit), Some(given)) if commit != given => {
                bail!("--revision says {given}, but git says that this is {commit}")
            }
            (Ok(commit), _) => commit,
        };
        if self.git(&self.changes())?.is_empty() {
            return Ok(Some(commit));
        }
        note(&format!(
            "warning: there are changes that were not committed: the revision is not exact, \
             and is written as {commit}-dirty"
        ));
        Ok(Some(format!("{commit}-dirty")))
    }

    /// The commit that is checked out, in words of one line where there is none.
    fn head(&self) -> Result<String> {
        let top = self.git(&["rev-parse".into(), "--show-toplevel".into()])?;
        let top = Path::new(top.trim_end_matches(['\r', '\n']));
        ensure!(
            fs::canonicalize(top).ok() == fs::canonicalize(self.root).ok(),
            "git knows only a repository around this one, {}",
            top.display()
        );
        let head = self.git(&["rev-parse".into(), "--verify".into(), "HEAD".into()])?;
        Ok(head.trim().to_owned())
    }

    /// The question whether anything but what a release makes differs.
    fn changes(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = [
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--",
            ".",
        ]
        .map(OsString::from)
        .to_vec();
        for inside in self.inside() {
            let mut outside = OsString::from(":(exclude,literal)");
            outside.push(inside);
            arguments.push(outside);
        }
        arguments
    }

    /// What is made in the checkout, from its folder on.
    fn inside(&self) -> Vec<PathBuf> {
        let root = real(self.root);
        let made = self.made.iter().filter_map(|folder| {
            let inside = real(folder).strip_prefix(&root).ok()?.to_owned();
            (inside.components().count() > 0).then_some(inside)
        });
        made.collect()
    }

    /// The files of the sources, from their folder on: those that git lists, or
    /// else those that are there.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = if self.head().is_ok() {
            let list = ["ls-files", "-z", "--cached", "--others"];
            let mut arguments: Vec<OsString> = list.map(OsString::from).to_vec();
            arguments.push("--exclude-standard".into());
            let listed = self.git(&arguments)?;
            listed.split_terminator('\0').map(PathBuf::from).collect()
        } else {
            let mut found = Vec::new();
            walk(self.root, Path::new(""), &mut found)?;
            found
        };
        let made = self.inside();
        files.retain(|file| !made.iter().any(|folder| file.starts_with(folder)));
        // What was deleted is listed until that is committed.
        files.retain(|file| self.root.join(file).is_file());
        Ok(files)
    }

    fn git(&self, arguments: &[OsString]) -> Result<String> {
        let mut command = Command::new(&self.git);
        command.current_dir(self.root).args(arguments);
        // Of a hook that runs this: they name another repository, or half of this.
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(variable);
        }
        output(&mut command).map_err(|error| {
            let text = format!("{error:#}");
            anyhow::Error::msg(text.split_whitespace().collect::<Vec<_>>().join(" "))
        })
    }
}

/// The path without links, also of what is not there yet.
fn real(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    }
}

/// Every file but what git would be told to ignore here.
fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    const NONE: [&str; 5] = [".git", "target", "node_modules", ".venv", "__pycache__"];
    let entries = fs::read_dir(root.join(folder));
    for entry in entries.with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            found.push(path);
        } else if !NONE.iter().any(|name| entry.file_name() == *name) {
            walk(root, &path, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;

    /// A folder of this test, empty; removed when it is dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("xtask-checkout-{name}-{}", std::process::id());
            let folder = env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn write(&self, name: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }

        /// Runs git here, where there is one.
        fn git(&self, arguments: &str) -> Option<String> {
            let mut command = Command::new("git");
            for name in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{name}_NAME"), "It");
                command.env(format!("GIT_{name}_EMAIL"), "it@example.com");
            }
            for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                command.env_remove(variable);
            }
            // Nothing of what the person set, a signature for one.
            command.env("GIT_CONFIG_GLOBAL", self.0.join("no-config"));
            command.current_dir(&self.0).args(arguments.split(' '));
            match command.output() {
                Ok(output) => {
                    assert!(output.status.success(), "{output:?}");
                    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
                }
                Err(_) => None,
            }
        }

        /// A repository of one file, and its commit; none where there is no git.
        fn committed(&self) -> Option<String> {
            self.git("init --quiet")?;
            self.write("plugin/lib.rs");
            self.git("add .")?;
            self.git("commit --quiet --message it")?;
            self.git("rev-parse HEAD")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const GIVEN: &str = "0123456789abcdef0123456789abcdef01234567";

    fn given() -> Option<String> {
        Some(GIVEN.to_owned())
    }

    #[test]
    fn a_commit_is_40_digits() {
        assert_eq!(commit(GIVEN).unwrap(), GIVEN);
        assert_eq!(commit(&GIVEN.to_uppercase()).unwrap(), GIVEN);
        for other in [
            "",
            "HEAD",
            "0123456",
            &format!("{GIVEN}0"),
            &GIVEN.replace('f', "g"),
        ] {
            let error = commit(other).unwrap_err().to_string();
            assert!(error.contains("40 hexadecimal digits"), "{error}");
        }
    }

    #[test]
    fn files_of_a_release_are_no_change_of_the_sources() {
        let folder = Folder::new("out");
        let Some(head) = folder.committed() else {
            return;
        };
        // Not there yet.
        let out = folder.0.join("files of it");
        let checkout = Checkout::new(&folder.0, &[&out]);
        assert_eq!(checkout.revision(None).unwrap().as_ref(), Some(&head));
        folder.write("files of it/stripe.wasm");
        assert_eq!(checkout.revision(None).unwrap().as_ref(), Some(&head));
        assert_eq!(checkout.files().unwrap(), [Path::new("plugin/lib.rs")]);
        // Anything else is one.
        folder.write("files/notes.md");
        let dirty = format!("{head}-dirty");
        assert_eq!(checkout.revision(None).unwrap().as_ref(), Some(&dirty));
        // Not even if git would read the folder's name as a pattern.
        let any = folder.0.join("*");
        let checkout = Checkout::new(&folder.0, &[&out, &any]);
        assert_eq!(checkout.revision(None).unwrap().as_ref(), Some(&dirty));
    }

    #[test]
    fn what_git_says_wins_over_what_is_given() {
        let folder = Folder::new("given");
        let Some(head) = folder.committed() else {
            return;
        };
        let checkout = Checkout::new(&folder.0, &[]);
        assert_eq!(
            checkout.revision(Some(head.clone())).unwrap(),
            Some(head.clone())
        );
        let error = checkout.revision(given()).unwrap_err().to_string();
        assert!(error.contains(GIVEN) && error.contains(&head), "{error}");
    }

    #[test]
    fn a_repository_around_the_sources_is_not_theirs() {
        let folder = Folder::new("around");
        if folder.committed().is_none() {
            return;
        }
        fs::write(folder.0.join(".gitignore"), "/build/\n").unwrap();
        folder.write("build/stripe/plugin/lib.rs");
        folder.write("build/stripe/target/built");
        let root = folder.0.join("build/stripe");
        let checkout = Checkout::new(&root, &[]);
        assert_eq!(checkout.revision(None).unwrap(), None);
        assert_eq!(checkout.revision(given()).unwrap(), given());
        let error = checkout.head().unwrap_err().to_string();
        assert!(error.contains("a repository around this one"), "{error}");
        assert!(!error.contains('\n'), "{error}");
        assert_eq!(checkout.files().unwrap(), [Path::new("plugin/lib.rs")]);
    }

    #[test]
    fn sources_without_git_have_the_commit_that_is_given() {
        let folder = Folder::new("archive");
        for name in ["plugin/lib.rs", "files/stripe.wasm", "target/built"] {
            folder.write(name);
        }
        let out = folder.0.join("files");
        let checkout = Checkout {
            git: folder.0.join("no-git").into(),
            ..Checkout::new(&folder.0, &[&out])
        };
        assert_eq!(checkout.revision(None).unwrap(), None);
        assert_eq!(checkout.revision(given()).unwrap(), given());
        let error = format!("{:#}", checkout.head().unwrap_err());
        assert!(error.contains("no-git cannot be started"), "{error}");
        assert_eq!(checkout.files().unwrap(), [Path::new("plugin/lib.rs")]);
    }

    /// As it is with a repository of another owner, which takes another user to try.
    #[test]
    fn gits_own_error_is_told_in_one_line() {
        let folder = Folder::new("broken");
        if folder.git("--version").is_none() {
            return;
        }
        fs::write(folder.0.join(".git"), "gitdir: nowhere\n").unwrap();
        let checkout = Checkout::new(&folder.0, &[]);
        let error = format!("{:#}", checkout.head().unwrap_err());
        assert!(error.contains("fatal: not a git repository"), "{error}");
        assert!(
            error.contains("nowhere") && !error.contains('\n'),
            "{error}"
        );
        assert_eq!(checkout.revision(given()).unwrap(), given());
    }
}
