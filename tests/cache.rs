//! The compile cache, through `Plugin::load`: whatever is wrong with it, the
//! process works, and what it runs is what it compiled.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use stripe_harness::types::Planned;
use stripe_harness::{CompileCache, HostOptions, Plugin};

use crate::support::{Child, KEY, component, in_child};

fn load(folder: &Path) -> Plugin {
    let options = HostOptions {
        cache: Some(CompileCache::in_folder(folder)),
        max_concurrent_calls: 2,
        ..HostOptions::default()
    };
    Plugin::load(&component(), options).unwrap()
}

/// The whole way through the component, as far as it goes without a server.
async fn works(plugin: &Plugin) {
    let properties = json!({"secretKey": KEY}).to_string();
    let connection = plugin.parse_connection(&properties).await.unwrap();
    let planned = plugin.plan(&connection, "customers", "list", "null").await;
    match planned.unwrap() {
        Planned::Http(request) => assert_eq!(request.url, "https://api.stripe.com/v1/customers"),
        other => panic!("{other:?}"),
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn only(folder: &Path) -> PathBuf {
    match entries(folder).as_slice() {
        [only] => only.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_entry_serves_later_loads_until_it_is_damaged() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    works(&load(&folder)).await;
    let entry = only(&folder);
    let whole = fs::read(&entry).unwrap();
    let written = || fs::metadata(&entry).unwrap().modified().unwrap();
    let first = written();
    works(&load(&folder)).await;
    assert_eq!(written(), first, "it was compiled again");

    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    for damaged in [
        flipped,
        longer,
        whole[..whole.len() / 2].to_vec(),
        Vec::new(),
    ] {
        // Another file: the one that was there may not be written.
        fs::remove_file(&entry).unwrap();
        fs::write(&entry, &damaged).unwrap();
        works(&load(&folder)).await;
        // Put right for the next start.
        let mended = fs::read(only(&folder)).unwrap();
        assert!(mended != damaged && mended.len() == whole.len());
    }
}

/// What a process runs is what it checked, whatever takes the entry's name later:
/// the open file is mapped, not the name. For who may write any file it is a copy.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_entry_in_use_outlives_its_name() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    works(&load(&folder)).await;
    let entry = only(&folder);
    let maps = || fs::read_to_string("/proc/self/maps").unwrap();
    let is_code = |line: &str| line.contains(&entry.display().to_string()) && line.contains("r-xp");
    let is_mapped = || maps().lines().any(is_code);
    assert!(!is_mapped(), "what was compiled here is not");
    let plugin = load(&folder);
    let may_write_all = fs::File::options().write(true).open(&entry).is_ok();
    assert_eq!(is_mapped(), !may_write_all);
    if may_write_all {
        fs::write(&entry, "cut where it is").unwrap();
        works(&plugin).await;
    }
    fs::rename(&entry, temporary.path().join("aside")).unwrap();
    fs::write(&entry, "not code").unwrap();
    works(&plugin).await;
    fs::remove_file(temporary.path().join("aside")).unwrap();
    works(&plugin).await;
}

/// One that its owner may write, as earlier versions left it, is used and copied.
#[cfg(unix)]
#[tokio::test]
async fn an_entry_that_can_be_written_may_be_cut_while_it_is_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    works(&load(&folder)).await;
    let entry = only(&folder);
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o600)).unwrap();
    let plugin = load(&folder);
    fs::write(&entry, "").unwrap();
    works(&plugin).await;
}

/// Another process's code may never be run.
#[cfg(unix)]
#[tokio::test]
async fn what_others_may_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    works(&load(&folder)).await;
    let entry = only(&folder);
    let permit = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&entry)), (0o700, 0o400));
    permit(&entry, 0o666);
    works(&load(&folder)).await;
    assert_eq!(mode(&only(&folder)), 0o400, "it was used as it was");
    // A folder that others may write keeps nothing.
    fs::remove_file(&entry).unwrap();
    permit(&folder, 0o777);
    works(&load(&folder)).await;
    assert!(entries(&folder).is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_no_error() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    fs::write(&file, "").unwrap();
    let missing = Path::new("/proc/nowhere");
    let device = Path::new("/dev/full/cache");
    let long = temporary.path().join("x".repeat(300));
    for folder in [&file, &file.join("below"), missing, device, &long] {
        works(&load(folder)).await;
    }
    assert_eq!(only(temporary.path()), file);
}

/// To whoever may write everywhere, no folder is read-only.
#[cfg(unix)]
#[tokio::test]
async fn a_read_only_folder_is_no_error() {
    use std::os::unix::fs::PermissionsExt as _;

    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    works(&load(&folder)).await;
    let kept = entries(&folder).len();
    let may_write = fs::write(folder.join("probe"), "").is_ok();
    assert_eq!(kept, usize::from(may_write));
}

/// A limit of the process on the size of files stands for a full disk: the
/// write fails in the middle.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_is_no_error() {
    const THIS: &str = "cache::a_disk_that_is_full_is_no_error";
    if let Some(folder) = in_child() {
        works(&load(Path::new(&folder))).await;
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    // 1024 blocks of 512 bytes or more: the component's own data, which wasmtime
    // keeps in a file of memory, fits. The signal is ignored, so that writing fails
    // with an error.
    let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\"";
    let child = Child::start_by(&["sh", "-c", limited], THIS, folder.to_str().unwrap());
    child.succeeded().await;
    assert!(entries(&folder).is_empty(), "half an entry was left");
    // Without the limit there is one, and it is larger.
    let child = Child::start(THIS, folder.to_str().unwrap(), &[]);
    child.succeeded().await;
    assert!(fs::metadata(only(&folder)).unwrap().len() > 1024 * 1024);
}

#[tokio::test]
async fn processes_that_race_all_work_and_leave_one_entry() {
    const THIS: &str = "cache::processes_that_race_all_work_and_leave_one_entry";
    if let Some(folder) = in_child() {
        works(&load(Path::new(&folder))).await;
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    let start = || Child::start(THIS, folder.to_str().unwrap(), &[]);
    let children = [start(), start(), start()];
    for child in children {
        child.succeeded().await;
    }
    let entry = only(&folder);
    let first = fs::metadata(&entry).unwrap().modified().unwrap();
    works(&load(&folder)).await;
    assert_eq!(
        fs::metadata(only(&folder)).unwrap().modified().unwrap(),
        first
    );
}
