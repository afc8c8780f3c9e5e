//! Makes a component of compiled code: besides the generated bindings the one
//! place with `unsafe`.

#![allow(unsafe_code)]

use std::fs::File;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Takes an entry of the cache, whose `content` was read from `file`: mapped where
/// the system can name an open file, and copied elsewhere. The caller has found the
/// file to be this user's own, closed to others, and whole.
pub(super) fn load(engine: &Engine, file: &File, content: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: of both, the bytes must be what `Component::serialize` wrote.
    // `CompileCache::read` has read them from a file that belongs to this user
    // and that no other may write, and found the checksum that
    // `CompileCache::write` gave them. wasmtime itself refuses code of another
    // version or for other settings. A process of the same user that forges an
    // entry could as well change this program.
    //
    // What is mapped must also stay as it is. It is the open file that is mapped,
    // not what has its name by now; `CompileCache` never writes to one that is
    // there, but puts another in its place; and it is made to be read only.
    unsafe { mapped(engine, file).or_else(|_not_mapped| Component::deserialize(engine, content)) }
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
