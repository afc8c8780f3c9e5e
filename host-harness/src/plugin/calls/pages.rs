//! `pages`: lists, page by page.

use tracing::Instrument as _;
use tracing::field::Empty;

use super::super::{CallError, Connection, Lease, Plugin};
use super::record_failure;
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
        let span = tracing::info_span!(
            "list_page",
            resource,
            method,
            items = Empty,
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let args = args.into();
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let pages = self.pages(&mut lease)?;
            let (store, record) = (lease.store(), connection.record());
            let read = self
                .in_time(pages.call_list_page(
                    store,
                    record,
                    resource,
                    method,
                    &args,
                    cursor.as_ref(),
                ))
                .await;
            lease.answered(read)
        };
        let result = call.instrument(span.clone()).await;
        match &result {
            Ok(page) => {
                span.record("items", page.items.len());
                if let Some(request_id) = &page.request_id {
                    span.record("request_id", request_id.as_str());
                }
            }
            Err(error) => record_failure(&span, error),
        }
        result
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
        let span = tracing::info_span!(
            "list_all",
            resource,
            method,
            items = Empty,
            pages = Empty,
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let args = args.into();
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let pages = self.pages(&mut lease)?;
            let (store, record) = (lease.store(), connection.record());
            let read = self
                .in_time(pages.call_list_all(store, record, resource, method, &args, limit))
                .await;
            lease.answered(read)
        };
        let result = call.instrument(span.clone()).await;
        match &result {
            Ok(list) => {
                span.record("items", list.items.len());
                span.record("pages", list.pages);
            }
            Err(error) => record_failure(&span, error),
        }
        result
    }

    /// The interface `pages` of an instance.
    fn pages(&self, lease: &mut Lease<'_>) -> Result<Guest, CallError> {
        let pre = &self.inner.pre;
        lease.interface(|store, exports| GuestIndices::new(pre)?.load(store, exports))
    }
}
