//! Makes a component of compiled code: besides the generated bindings the one
//! place with `unsafe`.

#![allow(unsafe_code)]

use std::fs::File;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Takes an entry of the cache, whose `content` was read from `file`: mapped where
/// it `is_fixed` and the system can name an open file, and copied elsewhere. The
/// caller has found the file to be this user's own, closed to others, and whole;
/// fixed is what this process itself could not write either.
pub(super) fn load(
    engine: &Engine,
    file: &File,
    content: &[u8],
    is_fixed: bool,
) -> wasmtime::Result<Component> {
    // SAFETY: of both, the bytes must be what `Component::serialize` wrote.
    // `CompileCache::read` has read them from a file that belongs to this user
    // and that no other may write, and found the checksum that
    // `CompileCache::write` gave them. wasmtime itself refuses code of another
    // version or for other settings. A process of the same user that forges an
    // entry could as well change this program.
    //
    // What is mapped must also stay as it is, and as long as it is. It is the open
    // file that is mapped, not what has its name by now; `CompileCache` puts a new
    // file in the place of an old one; and nobody may write this one.
    unsafe {
        if is_fixed && let Ok(component) = mapped(engine, file) {
            return Ok(component);
        }
        Component::deserialize(engine, content)
    }
}

/// The system's own name of an open file: [`Component`] maps files by name alone.
///
/// # Safety
///
/// As of [`Component::deserialize_file`].
#[cfg(target_os = "linux")]
unsafe fn mapped(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    use std::os::fd::AsRawFd as _;

    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the caller's.
    unsafe { Component::deserialize_file(engine, name) }
}

#[cfg(not(target_os = "linux"))]
unsafe fn mapped(_engine: &Engine, _file: &File) -> wasmtime::Result<Component> {
    Err(wasmtime::Error::msg("files are not mapped on this system"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fixed_is_mapped() {
        let engine = Engine::default();
        let empty = Component::new(&engine, b"\0asm\x0d\0\x01\0").unwrap();
        let content = empty.serialize().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, &content).unwrap();
        let is_mapped = || {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            maps.contains(&file.path().display().to_string())
        };
        let load = |is_fixed| load(&engine, file.as_file(), &content, is_fixed).unwrap();
        let copied = load(false);
        assert!(!is_mapped());
        let mapped = load(true);
        assert!(is_mapped());
        drop((copied, mapped));
        assert!(!is_mapped());
    }
}
