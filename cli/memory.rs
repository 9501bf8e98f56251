//! The verbs of `memory`.

use understory_server::{Failure, MemoryFind, MemoryRequest, Request, ScopeWord};

use crate::arguments::{MemoryVerb, WhichArguments};
use crate::command::Session;
use crate::confirm::confirm;
use crate::render::escaped;

/// How many marks a page has.
const MARKS: usize = 200;

/// Carries one of them out.
pub(crate) async fn memory(session: &Session, verb: MemoryVerb) -> Result<u8, Failure> {
    let request = match verb {
        MemoryVerb::List { path, which, newest, after } => {
            MemoryRequest::Find(Box::new(MemoryFind { newest, after, ..find(path, which) }))
        }
        MemoryVerb::Search { words, path, which, all_words } => {
            MemoryRequest::Find(Box::new(MemoryFind { text: Some(words), all_words, ..find(path, which) }))
        }
        MemoryVerb::Show { memory } => MemoryRequest::Show { memory },
        MemoryVerb::Add { text, path, scope, role, tag } => {
            let said = scope.map(ScopeWord::from);
            let scope = said.or_else(|| role.is_some().then_some(ScopeWord::Role));
            MemoryRequest::Add { path, text, scope, role, tags: tag.into_iter().collect() }
        }
        MemoryVerb::Edit { memory, text, tag, no_tags, trusted } => {
            let tags = (no_tags || !tag.is_empty()).then(|| tag.into_iter().collect());
            MemoryRequest::Edit { memory, text, tags, trusted }
        }
        MemoryVerb::Forget { memory: Some(memory), dry_run: true, .. } => MemoryRequest::Show { memory },
        MemoryVerb::Forget { memory: Some(memory), yes, .. } => {
            let shown = escaped(&memory);
            let question = format!("forget {shown} for good?");
            confirm(session, yes, "memory forget", question, format!("{shown} was not forgotten")).await?;
            MemoryRequest::Forget { memory }
        }
        MemoryVerb::Forget { memory: None, unused, keep, path, dry_run, yes } => {
            let question = format!("forget memories at and below {} for good?", escaped(&path));
            confirm(session, yes || dry_run, "memory forget", question, "nothing was forgotten".to_owned()).await?;
            MemoryRequest::ForgetUnused { path, days: unused, keep, dry_run }
        }
        MemoryVerb::Reset { path, dry_run, yes } => {
            let question = format!("forget all memories at and below {} for good?", escaped(&path));
            confirm(session, yes || dry_run, "memory reset", question, "nothing was forgotten".to_owned()).await?;
            MemoryRequest::Reset { path, dry_run }
        }
        MemoryVerb::Marks { path, after } => {
            let after = after.map(|after| session.path(&after)).transpose()?;
            MemoryRequest::Marks { path, after, limit: MARKS }
        }
        MemoryVerb::Mark { path, reason } => MemoryRequest::Mark { path, reason },
        MemoryVerb::Unmark { path } => MemoryRequest::Unmark { path },
    };
    session.done(Request::Memory(request)).await
}

fn find(path: Option<String>, which: WhichArguments) -> MemoryFind {
    let WhichArguments { seen, scope, role, by, tag, since, before, tainted, untainted, limit } = which;
    MemoryFind {
        path,
        seen,
        scopes: scope.into_iter().map(|scope| scope.word().to_owned()).collect(),
        role,
        by,
        tags: tag.into_iter().collect(),
        since,
        before,
        tainted: (tainted || untainted).then_some(tainted),
        limit: limit.into(),
        ..MemoryFind::default()
    }
}
