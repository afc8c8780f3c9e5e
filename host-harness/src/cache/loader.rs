//! Maps compiled code into memory: besides the generated bindings the one place
//! with `unsafe`.

#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps an entry of the cache. The caller has found it to be this user's own,
/// closed to others, and whole.
pub(super) fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file must be what `Component::serialize` wrote, and must not
    // change while it is mapped. `CompileCache::read` has just checked, under
    // this path, that the file and its folder belong to this user and can be
    // written by no other, and that the content has the checksum that
    // `CompileCache::write` gave it; a file is only ever put there whole, by
    // renaming it, and never written to afterwards. wasmtime itself refuses
    // code of another version or for other settings. A process of the same user
    // that forges an entry could as well change this program.
    unsafe { Component::deserialize_file(engine, path) }
}
