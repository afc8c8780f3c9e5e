//! `pages`: lists, page by page.

use super::super::{CallError, Connection, Lease, Plugin};
use crate::bindings::exports::lowcode::stripe::pages::{Guest, GuestIndices, Page, PageList};

impl Plugin {
    /// Reads one page of a list; `cursor` is the `next` or `previous` of a page
    /// that was read with the same arguments, none the first page.
    pub async fn list_page(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: impl Into<String>,
        cursor: Option<String>,
    ) -> Result<Page, CallError> {
        let args = args.into();
        let mut lease = self.lease(connection.via()).await?;
        let pages = self.pages(&mut lease)?;
        let store = lease.store();
        let read = self
            .in_time(pages.call_list_page(
                store,
                connection.record(),
                resource,
                method,
                &args,
                cursor.as_ref(),
            ))
            .await;
        lease.answered(read)
    }

    /// Reads a list up to `limit` items, all of which it holds.
    pub async fn list_all(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: impl Into<String>,
        limit: u32,
    ) -> Result<PageList, CallError> {
        let args = args.into();
        let mut lease = self.lease(connection.via()).await?;
        let pages = self.pages(&mut lease)?;
        let store = lease.store();
        let read = self
            .in_time(pages.call_list_all(
                store,
                connection.record(),
                resource,
                method,
                &args,
                limit,
            ))
            .await;
        lease.answered(read)
    }

    /// The interface `pages` of an instance.
    fn pages(&self, lease: &mut Lease<'_>) -> Result<Guest, CallError> {
        let pre = &self.inner.pre;
        lease.interface(|store, exports| GuestIndices::new(pre)?.load(store, exports))
    }
}
