package sim

import (
	"fmt"
	"strconv"
	"strings"
)

// expand turns words into fields: unquoted expansions are split at blanks.
func (sh *shell) expand(words []word) ([]string, error) {
	var fields []string
	for _, w := range words {
		var field strings.Builder
		open := false // field holds something, if only ""
		for _, p := range w {
			if p.kind == variable && p.text == "@" && p.quoted {
				for i, arg := range sh.params {
					if i > 0 {
						fields = append(fields, field.String())
						field.Reset()
					}
					field.WriteString(arg)
					open = true
				}
				continue
			}
			text, err := sh.part(p)
			if err != nil {
				return nil, err
			}
			if p.quoted || p.kind == literal {
				field.WriteString(text)
				open = true
				continue
			}
			if text != "" && strings.ContainsAny(text[:1], " \t\n") && open {
				fields, open = append(fields, field.String()), false
				field.Reset()
			}
			for i, piece := range strings.Fields(text) {
				if i > 0 {
					fields = append(fields, field.String())
					field.Reset()
				}
				field.WriteString(piece)
				open = true
			}
		}
		if open {
			fields = append(fields, field.String())
		}
	}
	return fields, nil
}

// text expands a word to one string.
func (sh *shell) text(w word) (string, error) {
	var b strings.Builder
	for _, p := range w {
		text, err := sh.part(p)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func (sh *shell) part(p part) (string, error) {
	switch p.kind {
	case variable:
		return sh.variable(p.text)
	case command:
		return sh.capture(p.text)
	case arithmetic:
		n, err := sh.arithmetic(p.text)
		return strconv.Itoa(n), err
	}
	return p.text, nil
}

func (sh *shell) variable(expr string) (string, error) {
	switch expr {
	case "?":
		return strconv.Itoa(sh.status), nil
	case "$":
		return strconv.Itoa(sh.p.PID), nil
	case "!":
		return strconv.Itoa(sh.lastJob), nil
	case "#":
		return strconv.Itoa(len(sh.params)), nil
	case "@", "*":
		return strings.Join(sh.params, " "), nil
	case "0":
		return sh.name, nil
	}
	if n, err := strconv.Atoi(expr); err == nil {
		if n <= len(sh.params) {
			return sh.params[n-1], nil
		}
		return "", nil
	}
	if name, ok := strings.CutPrefix(expr, "#"); ok {
		return strconv.Itoa(len(sh.vars[name])), nil
	}
	n := nameLen(expr)
	value, set := sh.vars[expr[:n]]
	switch op := expr[n:]; {
	case op == "":
		return value, nil
	case strings.HasPrefix(op, ":-"):
		if value == "" {
			return op[2:], nil
		}
		return value, nil
	case strings.HasPrefix(op, "-"):
		if !set {
			return op[1:], nil
		}
		return value, nil
	case strings.HasPrefix(op, ":+"):
		if value != "" {
			return op[2:], nil
		}
		return "", nil
	}
	return "", syntaxError("${" + expr + "}")
}

// arithmetic evaluates + - * / % and comparisons, left to right within their
// precedence, without parentheses.
func (sh *shell) arithmetic(expr string) (int, error) {
	for _, level := range [][]string{{"<=", ">=", "==", "!=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}} {
		for i := len(expr) - 1; i > 0; i-- {
			for _, op := range level {
				if !strings.HasPrefix(expr[i:], op) || strings.TrimSpace(expr[:i]) == "" {
					continue
				}
				left, err := sh.arithmetic(expr[:i])
				if err != nil {
					return 0, err
				}
				right, err := sh.arithmetic(expr[i+len(op):])
				if err != nil {
					return 0, err
				}
				return calculate(left, op, right)
			}
		}
	}
	expr = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(expr), "$"))
	if nameLen(expr) == len(expr) {
		expr = sh.vars[expr]
	}
	if expr == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(expr)
	if err != nil {
		return 0, syntaxError("$((" + expr + "))")
	}
	return n, nil
}

func calculate(a int, op string, b int) (int, error) {
	truth := func(v bool) (int, error) {
		if v {
			return 1, nil
		}
		return 0, nil
	}
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "<":
		return truth(a < b)
	case ">":
		return truth(a > b)
	case "<=":
		return truth(a <= b)
	case ">=":
		return truth(a >= b)
	case "==":
		return truth(a == b)
	case "!=":
		return truth(a != b)
	}
	if b == 0 {
		return 0, fmt.Errorf("divide by zero")
	}
	if op == "/" {
		return a / b, nil
	}
	return a % b, nil
}
