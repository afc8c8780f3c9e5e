//! Compiled components, kept for later starts: what both cost is measured in
//! `benches/RESULTS.md`, under `start`.
//!
//! An entry is machine code that will be run as it is, so it is taken only if
//! it is certainly one's own: the folder and the file belong to this user and
//! no other may write them, the name is a hash of the component, of wasmtime's
//! version and of the engine's settings, and the content has the checksum
//! it ends with. Anything else is compiled again. Entries come into being under
//! another name and are renamed, so processes that race see a whole entry or
//! none. On Linux one that nobody may write is mapped rather than copied: whoever
//! changed or cut a file that is mapped would end the process.

mod loader;

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes at an entry's end: the checksum of what comes before.
const CHECKSUM: usize = blake3::OUT_LEN;

/// Name of entries' extension, and of those that are being written.
const EXTENSION: &str = "cwasm";
const UNFINISHED: &str = "cwasm-new";

/// An entry that was not used for this long is removed when another is written.
const OLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where compiled components are kept: a folder of this user's, which no other
/// user may write. Nothing that goes wrong in it is an error; the component is
/// compiled then, and a `tracing` warning says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileCache {
    folder: PathBuf,
}

impl CompileCache {
    /// A folder, which is made when it is first needed.
    pub fn in_folder(folder: impl Into<PathBuf>) -> CompileCache {
        CompileCache {
            folder: folder.into(),
        }
    }

    /// The user's cache folder (`$XDG_CACHE_HOME/stripe-harness`,
    /// `~/.cache/stripe-harness`, or what the system has for it); none if there
    /// is no home.
    pub fn of_user() -> Option<CompileCache> {
        use etcetera::BaseStrategy as _;

        let strategy = etcetera::choose_base_strategy().ok()?;
        Some(CompileCache::in_folder(
            strategy.cache_dir().join("stripe-harness"),
        ))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether entries can be kept and would be used: the folder is there, is this
    /// user's alone, and a file can be made in it.
    pub fn check(&self) -> io::Result<()> {
        own(&fs::metadata(&self.folder)?, "the folder")?;
        let name = format!("{}.{UNFINISHED}", std::process::id());
        let path = self.folder.join(name);
        create(&path)?;
        fs::remove_file(&path)
    }

    /// The component out of the cache, or compiled and put there.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        component: &[u8],
        compile: impl FnOnce() -> anyhow::Result<Component>,
    ) -> anyhow::Result<Component> {
        let path = self.folder.join(name_of(engine, component));
        match self.read(engine, &path) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(problem) => tracing::warn!(
                "the compiled component in {} is not used: {problem}",
                path.display()
            ),
        }
        let compiled = compile()?;
        if let Err(error) = self.write(&compiled, &path) {
            tracing::warn!(
                "the compiled component cannot be kept in {}: {error}; every start compiles it \
                 again",
                self.folder.display()
            );
        }
        Ok(compiled)
    }

    /// An entry; none if there is none, an error if it is not to be trusted.
    fn read(&self, engine: &Engine, path: &Path) -> io::Result<Option<Component>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        own(&fs::metadata(&self.folder)?, "the folder")?;
        let data = file.metadata()?;
        own(&data, "the file")?;
        let mut bytes = Vec::with_capacity(usize::try_from(data.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or_else(damaged)?;
        if blake3::hash(content) != *checksum {
            return Err(damaged());
        }
        let component = loader::load(engine, &file, content, is_fixed(&data))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{error:#}")))?;
        note_use(&file, &data);
        Ok(Some(component))
    }

    fn write(&self, compiled: &Component, path: &Path) -> anyhow::Result<()> {
        let content = compiled.serialize().map_err(anyhow::Error::from)?;
        make_folder(&self.folder)?;
        own(&fs::metadata(&self.folder)?, "the folder")?;
        self.prune();
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let unfinished =
            path.with_extension(format!("{:016x}.{UNFINISHED}", u64::from_le_bytes(random)));
        let written = create(&unfinished).and_then(|mut file| {
            file.write_all(&content)?;
            file.write_all(blake3::hash(&content).as_bytes())?;
            fs::rename(&unfinished, path)
        });
        if written.is_err() {
            // What was written of it is of no use to anyone.
            let _ = fs::remove_file(&unfinished);
        }
        Ok(written?)
    }

    /// Removes what has not been used for long: entries of other versions, and
    /// what a process left behind that was killed while it wrote.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_ours = path
                .extension()
                .is_some_and(|extension| extension == EXTENSION || extension == UNFINISHED);
            let age = entry
                .metadata()
                .and_then(|data| data.modified())
                .ok()
                .and_then(|used| used.elapsed().ok());
            if is_ours && age.is_some_and(|age| age > OLD) {
                // Another process may have been faster.
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// The name of a component's entry: whatever decides over the machine code
/// changes it.
fn name_of(engine: &Engine, component: &[u8]) -> String {
    struct Settings(blake3::Hasher);

    impl Hasher for Settings {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        /// Not asked for: the whole hash is taken.
        fn finish(&self) -> u64 {
            0
        }
    }

    let mut settings = Settings(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    settings.0.update(component);
    format!("{}.{EXTENSION}", settings.0.finalize().to_hex())
}

/// Once a day an entry's age is set back.
fn note_use(file: &File, data: &fs::Metadata) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let age = data.modified().ok().and_then(|used| used.elapsed().ok());
    if age.is_some_and(|age| age > DAY) {
        // A read-only folder is no reason not to use what it holds.
        let _ = file.set_modified(SystemTime::now());
    }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options()
        .write(true)
        .create_new(true)
        // Only what is never written again can be mapped.
        .mode(0o400)
        .open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// Refuses what belongs to another user, or may be written by one.
#[cfg(unix)]
fn own(data: &fs::Metadata, what: &str) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let refuse = |why: &str| Err(io::Error::other(format!("{what} {why}")));
    if data.uid() != rustix::process::geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if data.mode() & 0o022 != 0 {
        return refuse("may be written by other users");
    }
    Ok(())
}

/// Whether nobody may write it, this process included: for root, modes are no
/// bounds, and a file that is copied over another is written in its place.
#[cfg(unix)]
fn is_fixed(data: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    data.mode() & 0o222 == 0 && !rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_fixed(_data: &fs::Metadata) -> bool {
    false
}

/// A user's folders are the user's own.
#[cfg(not(unix))]
fn own(_data: &fs::Metadata, _what: &str) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    struct Loads {
        cache: CompileCache,
        engine: Engine,
        compiled: Cell<u32>,
        _folder: tempfile::TempDir,
    }

    impl Loads {
        fn new() -> Loads {
            let folder = tempfile::tempdir().unwrap();
            Loads {
                cache: CompileCache::in_folder(folder.path().join("cache")),
                engine: Engine::default(),
                compiled: Cell::new(0),
                _folder: folder,
            }
        }

        /// Loads it, and says how often it was compiled by now.
        fn load(&self) -> u32 {
            let compile = || {
                self.compiled.set(self.compiled.get() + 1);
                Ok(Component::new(&self.engine, EMPTY)?)
            };
            self.cache.load(&self.engine, EMPTY, compile).unwrap();
            self.compiled.get()
        }

        fn entries(&self) -> Vec<PathBuf> {
            let entries = fs::read_dir(self.cache.folder()).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect()
        }

        fn entry(&self) -> PathBuf {
            match self.entries().as_slice() {
                [only] => only.clone(),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn compiled_once() {
        let loads = Loads::new();
        assert_eq!(loads.load(), 1);
        assert_eq!(loads.load(), 1);
        loads.entry();
    }

    #[test]
    fn other_settings_are_another_entry() {
        let loads = Loads::new();
        loads.load();
        let mut config = wasmtime::Config::new();
        config.consume_fuel(true);
        let other = Engine::new(&config).unwrap();
        assert_ne!(name_of(&other, EMPTY), name_of(&loads.engine, EMPTY));
        assert_ne!(
            name_of(&loads.engine, b"\0asm\x0d\0\x01\0\0\x01\0"),
            name_of(&loads.engine, EMPTY)
        );
    }

    #[test]
    fn what_is_damaged_is_compiled_again() {
        let loads = Loads::new();
        loads.load();
        let entry = loads.entry();
        let whole = fs::read(&entry).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        let damaged: [&[u8]; 4] = [&flipped, &whole[..whole.len() - 1], &whole[..10], b""];
        for (done, damaged) in damaged.into_iter().enumerate() {
            // Another file: the one that was there may not be written.
            fs::remove_file(&entry).unwrap();
            fs::write(&entry, damaged).unwrap();
            let times = u32::try_from(done).unwrap() + 2;
            assert_eq!(loads.load(), times, "taken although damaged");
            assert_eq!(loads.load(), times, "not replaced");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_others_may_write_is_not_taken() {
        use std::os::unix::fs::PermissionsExt as _;
        let loads = Loads::new();
        loads.load();
        let permit = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        permit(&loads.entry(), 0o666);
        assert_eq!(loads.load(), 2);
        assert_eq!(loads.load(), 2, "replaced by one that is our own");
        permit(loads.cache.folder(), 0o777);
        assert_eq!(loads.load(), 3);
        assert_eq!(loads.load(), 4, "nothing is written there");
        permit(loads.cache.folder(), 0o700);
        assert_eq!(loads.load(), 4);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let loads = Loads {
            cache: CompileCache::in_folder(file.path().join("cache")),
            ..Loads::new()
        };
        assert_eq!(loads.load(), 1);
        assert_eq!(loads.load(), 2);
    }

    #[test]
    fn old_entries_go_when_another_is_written() {
        let loads = Loads::new();
        loads.load();
        let folder = loads.cache.folder();
        let old = folder.join("old.cwasm");
        let left = folder.join("left.0123.cwasm-new");
        let other = folder.join("other.txt");
        for path in [&old, &left, &other] {
            let file = File::create(path).unwrap();
            file.set_modified(SystemTime::now() - OLD - Duration::from_secs(60))
                .unwrap();
        }
        fs::write(
            loads.cache.folder().join(name_of(&loads.engine, EMPTY)),
            "x",
        )
        .unwrap();
        loads.load();
        assert!(!old.exists() && !left.exists() && other.exists());
    }

    #[test]
    fn processes_that_race_see_whole_entries() {
        let loads = Loads::new();
        let (cache, engine) = (&loads.cache, &loads.engine);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let path = cache.folder().join(name_of(engine, EMPTY));
                        let _ = fs::remove_file(&path);
                        let compile = || Ok(Component::new(engine, EMPTY)?);
                        cache.load(engine, EMPTY, compile).unwrap();
                        // There or removed by another meanwhile, but never in part.
                        if let Err(error) = cache.read(engine, &path) {
                            assert!(!error.to_string().contains("damaged"), "{error}");
                        }
                    }
                });
            }
        });
        assert!(loads.entry().exists(), "and nothing unfinished is left");
    }
}
