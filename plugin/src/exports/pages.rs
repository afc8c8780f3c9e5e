//! `pages`: lists, page by page. Each page is prepared, judged and sent as a
//! call of its own.

use super::{Plugin, prepare_operation, prepare_raw, read_args, send, settings, validate};
use crate::arguments;
use crate::connection::Settings;
use crate::contract::exports::lowcode::stripe::pages::{Guest, Page, PageList};
use crate::failure::{Kind, Refusal, failure};
use crate::nested::{self, Target};
use crate::operation::Operation;
use crate::outgoing::{Planned, RawRequest};
use crate::pages::{self, Circle, Cursor, Next, Style};
use crate::types::{Connection, Error, Response, ValidationLevel};

impl Guest for Plugin {
    fn list_page(
        connection: Connection,
        resource: String,
        method: String,
        args: String,
        cursor: Option<String>,
    ) -> Result<Page, Error> {
        let walk = Walk::new(connection, &resource, &method, args)?;
        let cursor = cursor
            .map(|text| Cursor::parse(&text, walk.style))
            .transpose()?;
        let response = walk.fetch(cursor.as_ref())?;
        let page = walk.read(&response)?;
        let skip = cursor.as_ref().map_or(0, |cursor| cursor.skip);
        let next = page.next.map(Cursor::at);
        if next.is_some() && next == cursor {
            return Err(repeated(&response));
        }
        Ok(Page {
            items: page
                .items
                .iter()
                .skip(skip)
                .map(|&item| item.to_owned())
                .collect(),
            next: next.map(|next| next.text()),
            previous: page.previous.map(|previous| Cursor::at(previous).text()),
            request_id: response.request_id,
        })
    }

    fn list_all(
        connection: Connection,
        resource: String,
        method: String,
        args: String,
        limit: u32,
    ) -> Result<PageList, Error> {
        if limit == 0 {
            return Err(Refusal::argument(
                "limit",
                "How many items to read at most should be at least 1.",
            )
            .into());
        }
        let walk = Walk::new(connection, &resource, &method, args)?;
        let mut list = PageList {
            items: Vec::new(),
            next: None,
            pages: 0,
        };
        let mut left = u64::from(walk.settings.max_response_bytes);
        let mut cursor: Option<Cursor> = None;
        let mut circle = Circle::default();
        loop {
            walk.page(
                &mut cursor,
                limit as usize,
                &mut list,
                &mut left,
                &mut circle,
            )
            .map_err(|error| told(error, list.items.len(), cursor.as_ref()))?;
            list.pages = list.pages.saturating_add(1);
            if cursor.is_none() || list.items.len() >= limit as usize {
                list.next = cursor.map(|cursor| cursor.text());
                return Ok(list);
            }
        }
    }
}

/// A list that is being read.
struct Walk {
    operation: Operation,
    args: String,
    settings: Settings,
    style: Style,
}

impl Walk {
    fn new(
        connection: Connection,
        resource: &str,
        method: &str,
        args: String,
    ) -> Result<Walk, Refusal> {
        let operation = match nested::find(resource, method)? {
            Target::Operation(operation) => operation,
            Target::Raw | Target::Webhook(_) => {
                return Err(Refusal::argument(
                    "method",
                    [
                        method,
                        " is not a list; name the list's own method, such as customers.list.",
                    ]
                    .concat(),
                ));
            }
        };
        let settings = settings(connection)?;
        let style = {
            let args = read_args(&args, &settings)?;
            // What is no list is said before what is wrong with its arguments.
            pages::style(&operation, &Vec::new())?;
            // Once for the walk, not with every page.
            if settings.validation != ValidationLevel::Off {
                validate(&operation, &args, settings.validation)
                    .map_err(|refusal| refusal.within("args"))?;
            }
            let arguments =
                arguments::split(&operation, args).map_err(|refusal| refusal.within("args"))?;
            pages::style(&operation, &arguments.params)?
        };
        Ok(Walk {
            operation,
            args,
            settings,
            style,
        })
    }

    /// The answer of one page.
    fn fetch(&self, cursor: Option<&Cursor>) -> Result<Response, Error> {
        let args = read_args(&self.args, &self.settings)?;
        let mut arguments =
            arguments::split(&self.operation, args).map_err(|refusal| refusal.within("args"))?;
        let (planned, limits) = match cursor.map(|cursor| &cursor.next) {
            Some(Next::Path(Some(path))) => {
                let raw = RawRequest::page(path.clone(), arguments.options)
                    .map_err(|refusal| Refusal::argument("cursor", refusal.message))?;
                prepare_raw(raw, Some(&self.operation), &self.settings, "args")?
            }
            next => {
                if let Some(next) = next {
                    pages::turn(&mut arguments.params, next);
                }
                prepare_operation(&self.operation, arguments, &self.settings, "args")?
            }
        };
        if let Planned::Http(outgoing) = &planned
            && !outgoing.target_is_v2()
            && self.style == Style::Path
        {
            return Err(
                Refusal::argument("cursor", "The path of this cursor is not one of v2.").into(),
            );
        }
        send(planned, limits, &self.settings)
    }

    fn read<'b>(&self, response: &'b Response) -> Result<pages::Page<'b>, Error> {
        let origin = crate::outgoing::origin_of(&self.operation, &self.settings);
        pages::read(&response.body, self.style, &origin).map_err(|message| of(message, response))
    }

    /// Reads one page into the list, up to `limit` items; `cursor` is where it
    /// begins, and then where the list continues.
    fn page(
        &self,
        cursor: &mut Option<Cursor>,
        limit: usize,
        list: &mut PageList,
        left: &mut u64,
        circle: &mut Circle,
    ) -> Result<(), Error> {
        let response = self.fetch(cursor.as_ref())?;
        let page = self.read(&response)?;
        let room = limit.saturating_sub(list.items.len());
        let taken = page
            .items
            .get(..room.min(page.items.len()))
            .unwrap_or_default();
        let size: u64 = taken.iter().map(|item| item.len() as u64).sum();
        *left = left.checked_sub(size).ok_or_else(|| {
            of(
                format!(
                    "The items of this list are larger than the {} bytes that \"maxResponseBytes\" \
                     allows; read it page by page.",
                    self.settings.max_response_bytes
                ),
                &response,
            )
        })?;
        let next = if taken.len() < page.items.len() {
            // Within the page: v1 can begin anywhere.
            let last = taken.last().copied().unwrap_or_default();
            Some(match self.style {
                Style::Forwards => Cursor::at(Next::After(item_id(last, &response)?)),
                Style::Backwards => Cursor::at(Next::Before(item_id(last, &response)?)),
                Style::Search | Style::Path => Cursor {
                    next: match (&cursor, self.style) {
                        (Some(cursor), _) => cursor.next.clone(),
                        (None, Style::Search) => Next::Page(None),
                        (None, _) => Next::Path(None),
                    },
                    skip: taken.len(),
                },
            })
        } else {
            page.next.map(Cursor::at)
        };
        if let Some(next) = &next
            && circle.closes(&next.text())
        {
            return Err(repeated(&response));
        }
        list.items.extend(taken.iter().map(|&item| item.to_owned()));
        *cursor = next;
        Ok(())
    }
}

fn item_id(item: &str, response: &Response) -> Result<String, Error> {
    pages::id(item).map_err(|message| of(message, response))
}

/// A failure found in an answer that succeeded.
fn of(message: String, response: &Response) -> Error {
    let mut failure = failure(Kind::Response.as_str(), message);
    failure.status = response.status;
    failure.request_id.clone_from(&response.request_id);
    failure.attempts = response.attempts;
    Error::Permanent(failure)
}

fn repeated(response: &Response) -> Error {
    of(
        "The list continues at a page that was read before: it would never end.".to_owned(),
        response,
    )
}

/// Says how far the list had been read.
fn told(error: Error, items: usize, cursor: Option<&Cursor>) -> Error {
    let Some(cursor) = cursor else {
        return error;
    };
    let tell = |mut failure: crate::types::Failure| {
        failure.message.push_str(&format!(
            " {items} items had been read; list-page continues from the cursor {}",
            cursor.text()
        ));
        failure
    };
    match error {
        Error::Transient(failure) => Error::Transient(tell(failure)),
        Error::Permanent(failure) => Error::Permanent(tell(failure)),
        Error::ExecutionFailed => Error::ExecutionFailed,
    }
}
