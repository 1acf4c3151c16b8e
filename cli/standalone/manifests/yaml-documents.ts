import { LineCounter, parseAllDocuments, type Tags } from 'yaml';

/**
 * YAML as kubectl reads it: version 1.1 (`yes` is true, 010 is eight), but neither dates, nor sexagesimal numbers, nor
 * the collection types that JSON has no word for. Stricter in one thing: a key given twice is an error, not a surprise.
 */
type YamlDocument = { value: unknown } | { error: string };

const LEFT_OUT = ['float', 'timestamp', 'omap', 'pairs', 'set', 'binary'].map((name) => `tag:yaml.org,2002:${name}`);

/** Floats are those of YAML 1.2, which begin with a digit: to the parser's 1.1 the team id E012345 is a number. */
const kubectlTags = (tags: Tags): Tags => [
  ...tags.filter((tag) => typeof tag === 'string' || !(LEFT_OUT.includes(tag.tag) || tag.format === 'TIME')),
  'floatNaN',
  'floatExp',
  'float',
];

/** What the parser's own messages say, without the text that they would quote. */
const CAUSES: Readonly<Record<string, string>> = {
  BAD_INDENT: 'wrong indentation',
  BLOCK_AS_IMPLICIT_KEY: "a ':' too many, or wrong indentation",
  DUPLICATE_KEY: 'the same key twice',
  MISSING_CHAR: 'a quote, bracket or comma is missing',
  MULTILINE_IMPLICIT_KEY: "a ':' is missing, or wrong indentation",
  TAB_AS_INDENT: 'a tab: indent with spaces',
};

/** The documents of a text in their order; an empty one has the value null. Errors quote nothing from the text. */
export function parseYaml(text: string): YamlDocument[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    schema: 'yaml-1.1',
    prettyErrors: false,
    logLevel: 'error',
    customTags: kubectlTags,
    lineCounter,
  });
  if ('empty' in documents) return [];
  return documents.map((document): YamlDocument => {
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      return {
        error: `is not YAML: line ${line}, column ${col}: ${CAUSES[error.code] ?? `syntax error ${error.code}`}`,
      };
    }
    try {
      return { value: document.toJS() };
    } catch {
      return { error: 'has an alias (*name) without its anchor (&name), or far too many of them' };
    }
  });
}
