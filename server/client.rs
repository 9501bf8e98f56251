//! The other end of the control socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use understory::chain;

use crate::agent::Identity;
use crate::control::{read_line, write_line};
use crate::failure::{Code, Failure};
use crate::place;
use crate::watching::{WatchLine, WatchRequest};
use crate::wire::{Answer, Envelope, Hello, Reply, Request};

/// How long a process that has a socket may take to greet.
const GREETING: Duration = Duration::from_secs(5);

/// A connection to the process that owns a store.
pub struct Client {
    hello: Hello,
    identity: Option<Identity>,
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
}

impl Client {
    /// Reaches the process that listens in a home. Nothing if there is none, or it is about to end: it was asked nothing.
    ///
    /// # Errors
    /// There is a socket, but it cannot be used or nobody answers it.
    pub async fn connect(home: &Path) -> io::Result<Option<Self>> {
        let Some(stream) = place::connect(home).await? else { return Ok(None) };
        let (input, output) = stream.into_split();
        let mut input = BufReader::new(input);
        match tokio::time::timeout(GREETING, read_line(&mut input)).await? {
            Ok(Some(line)) => Ok(Some(Client { hello: serde_json::from_slice(&line)?, identity: None, input, output })),
            Ok(None) => Ok(None),
            Err(error) if ended(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, asking as an agent: without an identity it asks as the operator.
    pub fn identified(mut self, identity: Option<Identity>) -> Self {
        self.identity = identity;
        self
    }

    /// Who answers.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Has a request carried out.
    ///
    /// # Errors
    /// The owner refused or failed, or it ended before it answered: then what was asked may or may not have been done.
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        match self.exchange(request).await {
            Ok(Some(Answer::Ok(reply))) => Ok(reply),
            Ok(Some(Answer::Error(failure))) => Err(failure),
            Ok(Some(Answer::More(_))) => Err(self.unread(&io::Error::other("it is one of many"))),
            Ok(None) => Err(self.gone("it ended").unanswered(request.repeats())),
            // Asking again would not make it readable.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(self.unread(&error)),
            Err(error) => Err(self.gone(&chain(&error)).unanswered(request.repeats())),
        }
    }

    /// Begins to follow events.
    ///
    /// # Errors
    /// The owner cannot be asked.
    pub async fn follow(&mut self, request: WatchRequest) -> Result<(), Failure> {
        let asked = self.write(&Request::Watch(request)).await;
        asked.map_err(|error| self.gone(&chain(&error)).retryable())
    }

    /// The next event that is followed; nothing when the owner has ended. Not to be called again when it was dropped.
    ///
    /// # Errors
    /// The owner refused or failed.
    pub async fn followed(&mut self) -> Result<Option<WatchLine>, Failure> {
        match self.answer().await {
            Ok(Some(Answer::More(line))) => Ok(Some(line)),
            Ok(Some(Answer::Ok(_)) | None) => Ok(None),
            Ok(Some(Answer::Error(failure))) => Err(failure),
            Err(error) if ended(&error) => Ok(None),
            Err(error) => Err(self.unread(&error)),
        }
    }

    async fn answer(&mut self) -> io::Result<Option<Answer>> {
        let line = read_line(&mut self.input).await?;
        Ok(line.map(|line| serde_json::from_slice(&line)).transpose()?)
    }

    async fn exchange(&mut self, request: &Request) -> io::Result<Option<Answer>> {
        self.write(request).await?;
        self.answer().await
    }

    async fn write(&mut self, request: &Request) -> io::Result<()> {
        write_line(&mut self.output, &Envelope { identity: self.identity.as_ref(), request }).await
    }

    fn unread(&self, error: &io::Error) -> Failure {
        let message = format!("the answer of process {}, which has the store, cannot be read: {error}", self.hello.pid);
        Failure::new(Code::Failure, message).hint(format!("use understory {}, as it does", self.hello.understory))
    }

    fn gone(&self, why: &str) -> Failure {
        Failure::new(Code::Stopping, format!("process {}, which has the store, did not answer: {why}", self.hello.pid))
    }
}

fn ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};

    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
