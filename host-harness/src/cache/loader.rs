//! Makes a component of compiled code: besides the generated bindings the one
//! place with `unsafe`.

#![allow(unsafe_code)]

use wasmtime::Engine;
use wasmtime::component::Component;

/// Takes the content of an entry of the cache. The caller has found its file to
/// be this user's own, closed to others, and whole.
pub(super) fn load(engine: &Engine, content: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must be what `Component::serialize` wrote.
    // `CompileCache::read` has read them from a file that belongs to this user
    // and that no other may write, and found the checksum that
    // `CompileCache::write` gave them; they are copied here, so what happens to
    // the file later does not matter. wasmtime itself refuses code of another
    // version or for other settings. A process of the same user that forges an
    // entry could as well change this program.
    unsafe { Component::deserialize(engine, content) }
}
