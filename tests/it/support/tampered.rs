//! A proxy before a payer that passes everything on, and changes the answers as a test wants.
//!
//! Answers are written as raw bytes, so that they can also be cut short or left out.

use super::{Home, Payer};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    /// The fields of a form.
    pub(crate) form: HashMap<String, String>,
    method: String,
    body: Vec<u8>,
}

/// An answer, to be changed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Headers besides Content-Type, Content-Length and Connection.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    /// How many bytes of the body are sent before the connection is closed.
    pub(crate) cut_at: Option<usize>,
    /// Whether the connection is closed in place of an answer.
    pub(crate) lost: bool,
}

impl Answer {
    /// A complete answer of JSON.
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            content_type: "application/json".to_owned(),
            body: body.into(),
            cut_at: None,
            lost: false,
        }
    }

    /// No answer: the connection is closed.
    pub(crate) fn lost() -> Answer {
        Answer { lost: true, ..Answer::new(0, "") }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

type Twist = Arc<dyn Fn(&Asked, &dyn Fn() -> Answer) -> Answer + Send + Sync>;

/// A payer behind a proxy that tampers with its answers.
pub(crate) struct Tampered {
    pub(crate) payer: Payer,
    pub(crate) origin: String,
    twist: Arc<Mutex<Twist>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Tampered {
    pub(crate) fn new(payer: Payer) -> Tampered {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let twist: Arc<Mutex<Twist>> = Arc::new(Mutex::new(Arc::new(|_, pass_on| pass_on())));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (twisting, asking) = (Arc::clone(&twist), Arc::clone(&asked));
        let (upstream, ours) = (payer.origin(), origin.clone());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // The thread and the runtime end with the process of the test.
        std::thread::spawn(move || {
            let runtime = Arc::new(runtime);
            for stream in listener.incoming().map_while(Result::ok) {
                let (twist, asked) = (Arc::clone(&twisting), Arc::clone(&asking));
                let (upstream, ours) = (upstream.clone(), ours.clone());
                let runtime = Arc::clone(&runtime);
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    asked.lock().unwrap().push(request.clone());
                    let answer = || runtime.block_on(pass_on(&request, &upstream, &ours));
                    let twist = Arc::clone(&*twist.lock().unwrap());
                    write(&stream, twist(&request, &answer));
                });
            }
        });
        Tampered { payer, origin, twist, asked }
    }

    /// Changes every answer of the payer from now on.
    pub(crate) fn twist(&self, twist: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static) {
        *self.twist.lock().unwrap() = Arc::new(move |asked, pass_on| twist(asked, pass_on()));
    }

    /// Changes the payer's answers to refreshes.
    pub(crate) fn twist_refresh(&self, twist: impl Fn(Answer) -> Answer + Send + Sync + 'static) {
        self.twist(move |asked, answer| if asked.is_refresh() { twist(answer) } else { answer });
    }

    /// Answers refreshes itself; the payer does not see them.
    pub(crate) fn answer_refresh(&self, answer: Answer) {
        let twist: Twist = Arc::new(move |asked, pass_on| match asked.is_refresh() {
            true => answer.clone(),
            false => pass_on(),
        });
        *self.twist.lock().unwrap() = twist;
    }

    /// Holds back the payer's answers to refreshes until the returned sender sends or is dropped.
    pub(crate) fn hold_refresh(&self) -> Sender<()> {
        let (release, released) = channel();
        let released = Mutex::new(released);
        self.twist_refresh(move |answer| {
            // The end of the test drops the sender, and so releases the answer, too.
            let _ = released.lock().unwrap().recv();
            answer
        });
        release
    }

    /// Whether a refresh has come in.
    pub(crate) fn is_refreshing(&self) -> bool {
        self.asked.lock().unwrap().iter().any(Asked::is_refresh)
    }

    /// Passes everything on as it is.
    pub(crate) fn be_honest(&self) {
        self.twist(|_, answer| answer);
    }

    /// The number of refreshes since the last call; forgets all requests.
    pub(crate) fn take_refreshes(&self) -> usize {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.iter().filter(|asked| asked.is_refresh()).count()
    }

    /// A new home, configured for the proxy and connected as member 0.
    pub(crate) fn connected_home(&self, more: &str) -> Home {
        let home = Home::new();
        self.configure(&home, more);
        self.payer.connect(&home, "john", 0);
        home
    }

    pub(crate) fn configure(&self, home: &Home, more: &str) {
        self.payer.configure(home, more);
        let path = home.file("payersync.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        // The member's browser goes to the payer itself.
        let text = text
            .replace(&self.payer.origin(), &self.origin)
            .replace("[http]\n", "[http]\nmax_attempts = 2\n");
        std::fs::write(path, text).unwrap();
    }
}

impl Asked {
    pub(crate) fn is_refresh(&self) -> bool {
        self.form.get("grant_type").is_some_and(|kind| kind == "refresh_token")
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let header = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        header.clone().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = lines[0].split(' ');
    Some(Asked {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        authorization: header("authorization").map(str::to_owned),
        form: url::form_urlencoded::parse(&body).into_owned().collect(),
        body,
    })
}

async fn pass_on(asked: &Asked, upstream: &str, ours: &str) -> Answer {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let method = reqwest::Method::from_bytes(asked.method.as_bytes()).unwrap();
    let mut request = client.request(method, format!("{upstream}{}", asked.target));
    if let Some(authorization) = &asked.authorization {
        request = request.header("authorization", authorization);
    }
    if !asked.body.is_empty() {
        request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(asked.body.clone());
    }
    let Ok(response) = request.send().await else { return Answer::lost() };
    let status = response.status().as_u16();
    let header = |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
    let (content_type, location) = (header("content-type").unwrap_or_default(), header("location"));
    let body = response.bytes().await.unwrap();
    // Links in the answer lead to this proxy.
    let body = match std::str::from_utf8(&body) {
        Ok(text) => text.replace(upstream, ours).into_bytes(),
        Err(_) => body.to_vec(),
    };
    let headers = location.map(|location| ("location", location)).into_iter().collect();
    Answer { content_type, headers, ..Answer::new(status, body) }
}

/// Writes an answer; errors are ignored, since a client that has gone needs no answer.
fn write(mut stream: &TcpStream, answer: Answer) {
    let Answer { status, headers, content_type, body, cut_at, lost } = answer;
    if !lost {
        let mut head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
             connection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let sent = &body[..cut_at.unwrap_or(body.len())];
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
    }
    let _ = stream.shutdown(Shutdown::Both);
}
