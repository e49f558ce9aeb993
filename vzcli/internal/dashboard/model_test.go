package dashboard

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
)

// after gives the model after messages.
func after(t *testing.T, messages ...tea.Msg) model {
	var m tea.Model = model{title: "shop"}
	for _, msg := range messages {
		m, _ = m.Update(msg)
	}
	got, ok := m.(model)
	require.True(t, ok)
	return got
}

func key(name string) tea.KeyPressMsg {
	switch name {
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "pgup":
		return tea.KeyPressMsg{Code: tea.KeyPgUp}
	case "end":
		return tea.KeyPressMsg{Code: tea.KeyEnd}
	}
	return tea.KeyPressMsg{Code: rune(name[0]), Text: name}
}

var standard = tea.WindowSizeMsg{Width: 80, Height: 24}

func TestPage(t *testing.T) {
	m := after(t, standard,
		Services{
			{Name: "web-1", State: "running", Health: "healthy", CPU: 12.34, Memory: 64 << 20, Ports: "0.0.0.0:8080->80/tcp"},
			{Name: "db-1", State: "exited", CPU: -1},
		},
		Event{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), Text: "web-1 start"},
		Line{Name: "web-1", Text: "hello"},
	)
	rows := strings.Split(ansi.Strip(m.page()), "\n")
	require.Len(t, rows, 24)
	require.Equal(t, "vz stack shop — 1 of 2 running", strings.TrimSpace(rows[0]))
	require.Equal(t, "web-1               running    healthy   12.3%   64MiB     0.0.0.0:8080->80/tcp", strings.TrimSpace(rows[2]))
	require.Equal(t, "db-1                exited               -       -", strings.TrimSpace(rows[3]))
	require.Equal(t, "03:04:05  web-1 start", strings.TrimSpace(rows[5]))
	require.Equal(t, "web-1           │ hello", strings.TrimSpace(rows[10]))
	require.Equal(t, help, strings.TrimSpace(rows[23]))
	require.Contains(t, m.page(), red+"db-1")
}

func TestPageFitsEveryScreen(t *testing.T) {
	var many Services
	messages := []tea.Msg{}
	for i := range 100 {
		many = append(many, Service{Name: fmt.Sprintf("service-with-a-long-name-%d", i), State: "running", Ports: strings.Repeat("8080->80/tcp, ", 9)})
		messages = append(messages, Line{Name: many[i].Name, Text: strings.Repeat("wide 漢字 ", 40)}, Event{Text: strings.Repeat("e", 300)})
	}
	messages = append(messages, many)
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 20, Height: 8}, {Width: 200, Height: 60}, {Width: 3, Height: 1}, {}} {
		m := after(t, append(messages, size, key("down"), key("pgup"))...)
		rows := strings.Split(m.page(), "\n")
		require.LessOrEqual(t, len(rows), max(1, size.Height))
		for _, row := range rows {
			if size.Width >= 20 {
				require.LessOrEqual(t, ansi.StringWidth(row), size.Width, "%q", row)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	messages := []tea.Msg{standard, Services{{Name: "a"}, {Name: "b"}}}
	for i := range 50 {
		messages = append(messages, Line{Name: []string{"a", "b"}[i%2], Text: fmt.Sprint("line", i)})
	}
	m := after(t, messages...)
	require.Equal(t, "a", m.selected)
	require.Contains(t, m.page(), "line49")
	m = after(t, append(messages, key("down"), key("enter"))...)
	require.Contains(t, m.page(), "OUTPUT of b")
	require.Contains(t, m.page(), "line49")
	require.NotContains(t, m.page(), "line48")
	m = after(t, append(messages, key("down"), key("down"), key("up"), key("up"), key("enter"))...)
	require.NotContains(t, m.page(), "line49")
	m = after(t, append(messages, key("pgup"))...)
	require.NotContains(t, m.page(), "line49")
	seen := m.page()
	next, _ := m.Update(Line{Name: "a", Text: "newer"})
	require.Equal(t, strings.Split(seen, "\n")[12:23], strings.Split(next.(model).page(), "\n")[12:23], "what is read stays in place")
	require.Contains(t, after(t, append(messages, key("pgup"), key("end"))...).page(), "line49")
	m = after(t, append(messages, Services{{Name: "c"}})...)
	require.Equal(t, "c", m.selected, "a service that is gone is not selected")

	_, cmd := m.Update(key("q"))
	require.NotNil(t, cmd)
	require.Equal(t, tea.Quit(), cmd())
	m = after(t, standard, Failure{errors.New("backend is gone")})
	require.Contains(t, m.page(), "backend is gone")
}

func TestHostileTextIsHarmless(t *testing.T) {
	for _, text := range []string{"\x1b[2J\x1b[Hgone", "a\rb\x07\x08", "\x1b]0;title\x07x", "\x9b2Jx", "\u202eevil", "\x1b", "\xff\xfe"} {
		m := after(t, standard, Services{{Name: text, State: "running"}}, Line{Name: text, Text: text}, Event{Text: text}, Failure{errors.New(text)})
		page := m.page()
		for _, style := range []string{bold, reverse, dim, red, green, yellow, plain} {
			page = strings.ReplaceAll(page, style, "")
		}
		for _, r := range page {
			require.False(t, r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e', "%q leaves %q", text, r)
		}
		require.Len(t, strings.Split(page, "\n"), 24)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m tea.Model = model{}
	for range 3 * maxLines {
		m, _ = m.Update(Line{Name: "a", Text: "x"})
		m, _ = m.Update(Event{Text: "x"})
	}
	require.Len(t, m.(model).lines, maxLines)
	require.Len(t, m.(model).events, maxEvents)
}
