package dashboard

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
)

// A Service is one container's line on the page.
type Service struct {
	Name   string // without the project's
	State  string
	Health string
	CPU    float64 // percent of one processor; negative is not known
	Memory uint64  // bytes; 0 is not known
	Ports  string
}

// Services replaces all lines of the table.
type Services []Service

// An Event is something that happened.
type Event struct {
	Time time.Time
	Text string
}

// A Line is one line of output.
type Line struct{ Name, Text string }

// A Failure is shown in the place of the key help.
type Failure struct{ Err error }

// maxLines and maxEvents bound what the page remembers.
const (
	maxLines  = 2000
	maxEvents = 200
)

// A model is what the page shows.
type model struct {
	title         string
	width, height int
	services      []Service
	events        []Event
	lines         []Line
	selected      string // name of a service
	only          bool   // show the selected service's output alone
	back          int    // lines scrolled up from the newest
	failure       string
	quit          bool
}

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case Services:
		m.services = msg
		if !slices.ContainsFunc(msg, func(s Service) bool { return s.Name == m.selected }) && len(msg) > 0 {
			m.selected, m.only = msg[0].Name, false
		}
	case Event:
		m.events = append(m.events, msg)
		m.events = m.events[max(0, len(m.events)-maxEvents):]
	case Line:
		m.lines = append(m.lines, msg)
		m.lines = m.lines[max(0, len(m.lines)-maxLines):]
		if m.back > 0 && (!m.only || msg.Name == m.selected) {
			m.back++ // stay where the reader is
		}
	case Failure:
		m.failure = msg.Err.Error()
	case tea.KeyPressMsg:
		return m.key(msg.String())
	}
	return m, nil
}

func (m model) key(key string) (tea.Model, tea.Cmd) {
	switch key {
	case "q", "ctrl+c", "esc":
		m.quit = true
		return m, tea.Quit
	case "down", "j":
		m.move(1)
	case "up", "k":
		m.move(-1)
	case "enter", "l":
		m.only, m.back = !m.only, 0
	case "pgup", "b":
		m.back += m.layout().lines
	case "pgdown", "space", " ":
		m.back -= m.layout().lines
	case "home", "g":
		m.back = len(m.lines)
	case "end", "G":
		m.back = 0
	}
	m.back = max(0, min(m.back, len(m.output())-m.layout().lines))
	return m, nil
}

// move selects another service.
func (m *model) move(by int) {
	at := slices.IndexFunc(m.services, func(s Service) bool { return s.Name == m.selected }) + by
	if at >= 0 && at < len(m.services) {
		m.selected, m.back = m.services[at].Name, 0
	}
}

// output is what the log part shows some lines of.
func (m model) output() []Line {
	if !m.only {
		return m.lines
	}
	var own []Line
	for _, l := range m.lines {
		if l.Name == m.selected {
			own = append(own, l)
		}
	}
	return own
}
