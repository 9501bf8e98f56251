//! The words of memories, each with the slots of those that have it: an index in memory, made again from the rows whenever
//! somebody looks for the first time.

use std::sync::Arc;

use tantivy::collector::{FilterCollector, TopDocs};
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term};

/// What the words are cut by, and the field that holds them.
const WORDS: &str = "words";
/// The field of a memory's slot.
const SLOT: &str = "slot";
/// The longest word that is looked at, in bytes.
const WORD_MAX: usize = 128;
/// The most words of one question; those behind them are not looked for.
const ASKED_MAX: usize = 64;
/// What the index may gather in memory before it writes a segment, in bytes.
const GATHERED: usize = 32 << 20;

/// The index. A slot is there once at the most.
pub(super) struct Words {
    analyzer: TextAnalyzer,
    words: Field,
    slot: Field,
    writer: IndexWriter,
    reader: IndexReader,
    /// Whether something was put in or taken out since it was last searched.
    changed: bool,
}

/// Which slots an answer may name.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Vec<u64>);

impl Slots {
    pub(super) fn add(&mut self, slot: u32) {
        let (word, bit) = (slot as usize / 64, slot % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn has(&self, slot: u64) -> bool {
        let word = usize::try_from(slot / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

impl Words {
    pub(super) fn new() -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default().set_tokenizer(WORDS).set_index_option(IndexRecordOption::WithFreqs);
        let words = schema.add_text_field(WORDS, TextOptions::default().set_indexing_options(indexing));
        let slot = schema.add_u64_field(SLOT, INDEXED | FAST);
        let index = Index::create_in_ram(schema.build());
        let analyzer = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(WORD_MAX))
            .filter(LowerCaser)
            .filter(AsciiFoldingFilter)
            .filter(Stemmer::new(Language::English))
            .build();
        index.tokenizers().register(WORDS, analyzer.clone());
        let options = IndexWriterOptions::builder().memory_budget_per_thread(GATHERED).num_merge_threads(1).build();
        let writer = index.writer_with_options(options)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Words { analyzer, words, slot, writer, reader, changed: false })
    }

    /// Puts a text in, in a slot that has none.
    pub(super) fn put(&mut self, slot: u32, text: &str) -> tantivy::Result<()> {
        let mut document = TantivyDocument::default();
        document.add_text(self.words, apart(text));
        document.add_u64(self.slot, slot.into());
        self.writer.add_document(document)?;
        self.changed = true;
        Ok(())
    }

    /// Takes out what is in a slot.
    pub(super) fn take_out(&mut self, slot: u32) {
        self.writer.delete_term(Term::from_field_u64(self.slot, slot.into()));
        self.changed = true;
    }

    /// Has what was put in and taken out since be found, and not.
    pub(super) fn settle(&mut self) -> tantivy::Result<()> {
        if self.changed {
            self.writer.commit()?;
            self.reader.reload()?;
            self.changed = false;
        }
        Ok(())
    }

    /// The slots whose texts fit best, the best first, with how well they do: of those in `within`, if that is given. They
    /// have any of the words asked for, or with `all` every one; a word that is cut in pieces fits as all of them.
    pub(super) fn search(
        &self,
        asked: &str,
        all: bool,
        within: Option<Arc<Slots>>,
        limit: usize,
    ) -> tantivy::Result<Vec<(f32, u32)>> {
        let Some(query) = self.query(asked, all) else { return Ok(Vec::new()) };
        let (searcher, best) = (self.reader.searcher(), TopDocs::with_limit(limit.max(1)).order_by_score());
        let found = match within {
            None => searcher.search(&query, &best)?,
            Some(within) => {
                searcher.search(&query, &FilterCollector::new(SLOT.to_owned(), move |slot| within.has(slot), best))?
            }
        };
        let mut slots = Vec::with_capacity(found.len());
        for (score, at) in found {
            let column = searcher.segment_reader(at.segment_ord).fast_fields().u64(SLOT)?;
            slots.extend(column.first(at.doc_id).and_then(|slot| Some((score, u32::try_from(slot).ok()?))));
        }
        Ok(slots)
    }

    fn query(&self, asked: &str, all: bool) -> Option<BooleanQuery> {
        let mut analyzer = self.analyzer.clone();
        let (mut clauses, mut words) = (Vec::new(), 0);
        for chunk in asked.split_whitespace() {
            let mut pieces = Vec::new();
            analyzer.token_stream(&apart(chunk)).process(&mut |token| pieces.push(token.text.clone()));
            pieces.truncate(ASKED_MAX - words);
            words += pieces.len();
            let mut terms = pieces.into_iter().map(|piece| self.term(&piece));
            let clause = match (terms.next(), terms.next()) {
                (None, _) => continue,
                (Some(only), None) => only,
                (Some(one), Some(two)) => {
                    Box::new(BooleanQuery::intersection([one, two].into_iter().chain(terms).collect()))
                }
            };
            clauses.push((if all { Occur::Must } else { Occur::Should }, clause));
        }
        (!clauses.is_empty()).then(|| BooleanQuery::new(clauses))
    }

    fn term(&self, piece: &str) -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(self.words, piece), IndexRecordOption::WithFreqs))
    }
}

/// A text in which characters that are words by themselves stand apart: Chinese, Japanese and Thai are written without spaces.
fn apart(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut spaced = String::with_capacity(text.len() + text.len() / 2);
    for c in text.chars() {
        match c {
            '\u{0e00}'..='\u{0eff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => {
                spaced.extend([' ', c, ' ']);
            }
            c => spaced.push(c),
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Words {
        let mut words = Words::new().unwrap();
        for (slot, text) in (0..).zip(texts) {
            words.put(slot, text).unwrap();
        }
        words.settle().unwrap();
        words
    }

    fn found(words: &Words, asked: &str, all: bool) -> Vec<u32> {
        words.search(asked, all, None, 10).unwrap().into_iter().map(|(_, slot)| slot).collect()
    }

    #[test]
    fn what_has_more_of_the_rarer_words_comes_first() {
        let words = words(&[
            "The deploy script retries three times",
            "deploy on Fridays never",
            "the cache is warm",
            "Deploying needs the Zürich key, deploy, deploy",
        ]);
        let check = |asked: &str, all, expected: &[u32]| assert_eq!(found(&words, asked, all), expected, "{asked:?}");
        check("DEPLOYED", false, &[3, 1, 0]);
        check("deploy retry", false, &[0, 3, 1]);
        check("deploy retry", true, &[0]);
        check("zurich-key", false, &[3]);
        check("warm-key", false, &[]);
        check("nothing", false, &[]);
        check("", false, &[]);
        check("?!", true, &[]);
    }

    #[test]
    fn what_is_written_without_spaces_is_found_by_a_part_of_it() {
        let words = words(&["部署脚本会重试", "缓存已预热", "plain"]);
        assert_eq!(found(&words, "部署", false), [0]);
        assert_eq!(found(&words, "预热", true), [1]);
        assert_eq!(found(&words, "署部x", false), [] as [u32; 0]);
    }

    #[test]
    fn what_is_taken_out_is_not_found_and_a_filter_leaves_room_for_others() {
        let mut words = words(&["red one", "red two", "red three", "blue"]);
        words.take_out(1);
        words.put(4, "red four").unwrap();
        words.settle().unwrap();
        let mut left = found(&words, "red", false);
        left.sort_unstable();
        assert_eq!(left, [0, 2, 4]);
        let mut within = Slots::default();
        within.add(2);
        within.add(3);
        let best = words.search("red", false, Some(Arc::new(within)), 1).unwrap();
        assert_eq!(best.iter().map(|(_, slot)| *slot).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_long_question_is_cut() {
        let words = words(&["alpha", "omega"]);
        let long = format!("{} omega", "alpha ".repeat(ASKED_MAX));
        assert_eq!(found(&words, &long, false), [0]);
    }

    #[test]
    fn slots_are_in_or_not() {
        let mut slots = Slots::default();
        slots.add(0);
        slots.add(64);
        slots.add(200);
        let has: Vec<u64> = (0..300).filter(|slot| slots.has(*slot)).collect();
        assert_eq!(has, [0, 64, 200]);
    }
}
