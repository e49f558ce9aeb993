package sim

// A list is commands one after the other.
type list []item

type item struct {
	first      pipeline
	rest       []andOr
	background bool
}

type andOr struct {
	op string // "&&" or "||"
	pipeline
}

type pipeline struct {
	negate bool
	stages []stage
}

// A stage is one command: simple, or compound with kind set.
type stage struct {
	kind    string // "", "while", "until", "if", "for", "{" or "("
	assigns []assign
	words   []word
	redirs  []redir

	cond, body, alt list
	name            string // of "for"
}

type assign struct {
	name  string
	value word
}

type redir struct {
	fd     int
	op     string
	target word
}

type parser struct {
	tokens []token
	at     int
}

func parse(src string) (list, error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	l, err := p.list()
	if err == nil && p.at < len(p.tokens) {
		err = syntaxError(p.describe())
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (p *parser) peek() token {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return token{op: "end"}
}

func (p *parser) describe() string {
	t := p.peek()
	if t.op != "" {
		return t.op
	}
	return t.keyword()
}

// keyword returns the text of an unquoted literal word.
func (t token) keyword() string {
	if t.op != "" || len(t.word) != 1 || t.word[0].kind != literal || t.word[0].quoted {
		return ""
	}
	return t.word[0].text
}

func (p *parser) op(ops ...string) string {
	for _, op := range ops {
		if p.peek().op == op {
			p.at++
			return op
		}
	}
	return ""
}

func (p *parser) expect(word string) error {
	if p.peek().keyword() != word {
		return syntaxError(p.describe())
	}
	p.at++
	return nil
}

func (p *parser) list() (list, error) {
	var l list
	for {
		for p.op("\n", ";") != "" {
		}
		switch p.peek().keyword() {
		case "do", "done", "then", "else", "elif", "fi", "}":
			return l, nil
		}
		if op := p.peek().op; op == "end" || op == ")" {
			return l, nil
		}
		it, err := p.item()
		if err != nil {
			return nil, err
		}
		l = append(l, it)
		if p.peek().op != ")" && !it.background && p.op("\n", ";") == "" {
			return nil, syntaxError(p.describe())
		}
	}
}

func (p *parser) item() (it item, err error) {
	if it.first, err = p.pipeline(); err != nil {
		return it, err
	}
	for {
		op := p.op("&&", "||")
		if op == "" {
			break
		}
		for p.op("\n") != "" {
		}
		next, err := p.pipeline()
		if err != nil {
			return it, err
		}
		it.rest = append(it.rest, andOr{op, next})
	}
	it.background = p.op("&") != ""
	return it, nil
}

func (p *parser) pipeline() (pl pipeline, err error) {
	if p.peek().keyword() == "!" {
		p.at++
		pl.negate = true
	}
	for {
		s, err := p.stage()
		if err != nil {
			return pl, err
		}
		pl.stages = append(pl.stages, s)
		if p.op("|") == "" {
			return pl, nil
		}
	}
}

func (p *parser) stage() (s stage, err error) {
	if p.op("(") != "" {
		s.kind = "("
		if s.body, err = p.list(); err != nil {
			return s, err
		}
		if p.op(")") == "" {
			return s, syntaxError(p.describe())
		}
		return s, p.redirs(&s)
	}
	switch kw := p.peek().keyword(); kw {
	case "while", "until":
		p.at++
		s.kind = kw
		if s.cond, err = p.list(); err != nil {
			return s, err
		}
		if err := p.doDone(&s); err != nil {
			return s, err
		}
		return s, p.redirs(&s)
	case "for":
		p.at++
		s.kind, s.name = kw, p.peek().keyword()
		p.at++
		if err := p.expect("in"); err != nil {
			return s, err
		}
		for p.peek().op == "" {
			s.words = append(s.words, p.peek().word)
			p.at++
		}
		p.op(";", "\n")
		if err := p.doDone(&s); err != nil {
			return s, err
		}
		return s, p.redirs(&s)
	case "if":
		p.at++
		s.kind = kw
		if err := p.ifBody(&s); err != nil {
			return s, err
		}
		return s, p.redirs(&s)
	case "{":
		p.at++
		s.kind = kw
		if s.body, err = p.list(); err != nil {
			return s, err
		}
		if err := p.expect("}"); err != nil {
			return s, err
		}
		return s, p.redirs(&s)
	}
	return s, p.simple(&s)
}

func (p *parser) doDone(s *stage) (err error) {
	if err := p.expect("do"); err != nil {
		return err
	}
	if s.body, err = p.list(); err != nil {
		return err
	}
	return p.expect("done")
}

func (p *parser) ifBody(s *stage) (err error) {
	if s.cond, err = p.list(); err != nil {
		return err
	}
	if err := p.expect("then"); err != nil {
		return err
	}
	if s.body, err = p.list(); err != nil {
		return err
	}
	switch p.peek().keyword() {
	case "elif":
		p.at++
		inner := stage{kind: "if"}
		err := p.ifBody(&inner)
		s.alt = list{{first: pipeline{stages: []stage{inner}}}}
		return err
	case "else":
		p.at++
		if s.alt, err = p.list(); err != nil {
			return err
		}
	}
	return p.expect("fi")
}

func (p *parser) simple(s *stage) error {
	for {
		if err := p.redirs(s); err != nil {
			return err
		}
		t := p.peek()
		if t.op != "" {
			break
		}
		p.at++
		if a, ok := asAssign(t.word); ok && len(s.words) == 0 {
			s.assigns = append(s.assigns, a)
			continue
		}
		s.words = append(s.words, t.word)
	}
	if len(s.words)+len(s.assigns)+len(s.redirs) == 0 {
		return syntaxError(p.describe())
	}
	return nil
}

func (p *parser) redirs(s *stage) error {
	for {
		t := p.peek()
		switch t.op {
		case "<", ">", ">>", ">&", "<&":
		default:
			return nil
		}
		p.at++
		target := p.peek()
		if target.op != "" {
			return syntaxError(p.describe())
		}
		p.at++
		fd := t.fd
		if fd < 0 {
			fd = 1
			if t.op[0] == '<' {
				fd = 0
			}
		}
		s.redirs = append(s.redirs, redir{fd: fd, op: t.op, target: target.word})
	}
}

func asAssign(w word) (assign, bool) {
	if len(w) == 0 || w[0].kind != literal || w[0].quoted {
		return assign{}, false
	}
	n := nameLen(w[0].text)
	if n == 0 || n >= len(w[0].text) || w[0].text[n] != '=' {
		return assign{}, false
	}
	value := append(word{{text: w[0].text[n+1:], quoted: true}}, w[1:]...)
	return assign{name: w[0].text[:n], value: value}, true
}
