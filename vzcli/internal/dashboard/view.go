package dashboard

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"vz.internal/vzcli/internal/output"
)

const (
	bold    = "\x1b[1m"
	reverse = "\x1b[7m"
	dim     = "\x1b[2m"
	red     = "\x1b[31m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	plain   = "\x1b[0m"
)

const help = "↑↓ select   enter its output alone   pgup pgdn scroll   end newest   q quit"

// heights say how many rows each part has.
type heights struct{ services, events, lines int }

// layout shares the rows between the parts: a title, three headings and the
// help take one each.
func (m model) layout() heights {
	rest := max(0, m.height-5)
	var h heights
	h.services = min(len(m.services), max(1, rest/2))
	rest -= h.services
	h.events = min(4, max(0, rest/3))
	h.lines = max(0, rest-h.events)
	return h
}

// View implements tea.Model.
func (m model) View() tea.View {
	v := tea.NewView(m.page())
	v.AltScreen, v.WindowTitle = true, "vz stack "+m.title
	if m.quit {
		v = tea.NewView("")
	}
	return v
}

func (m model) page() string {
	if m.width < 20 || m.height < 8 {
		return "the terminal is too small"
	}
	h := m.layout()
	running := 0
	for _, s := range m.services {
		if s.State == "running" {
			running++
		}
	}
	rows := []string{m.fill(bold, fmt.Sprintf("vz stack %s — %d of %d running", m.title, running, len(m.services)))}
	rows = append(rows, m.fill(dim, serviceRow("SERVICE", "STATE", "HEALTH", "CPU", "MEMORY", "PORTS")))
	rows = append(rows, m.table(h.services)...)
	rows = append(rows, m.fill(dim, "EVENTS"))
	rows = append(rows, m.happened(h.events)...)
	heading := "OUTPUT"
	if m.only {
		heading += " of " + clean(m.selected)
	}
	if m.back > 0 {
		heading += fmt.Sprintf(" (%d lines up)", m.back)
	}
	rows = append(rows, m.fill(dim, heading))
	rows = append(rows, m.written(h.lines)...)
	if m.failure != "" {
		rows = append(rows, m.fill(red, clean(m.failure)))
	} else {
		rows = append(rows, m.fill(dim, help))
	}
	return strings.Join(rows, "\n")
}

func serviceRow(name, state, health, cpu, memory, ports string) string {
	return cell(name, 20) + cell(state, 11) + cell(health, 10) + cell(cpu, 8) + cell(memory, 10) + ports
}

// cell pads or cuts text to a column.
func cell(text string, width int) string {
	text = ansi.Truncate(text, width-1, "…")
	return text + strings.Repeat(" ", width-ansi.StringWidth(text))
}

// table shows n services around the selected one.
func (m model) table(n int) []string {
	at := max(0, slices.IndexFunc(m.services, func(s Service) bool { return s.Name == m.selected }))
	first := max(0, min(at-n/2, len(m.services)-n))
	rows := make([]string, 0, n)
	for _, s := range m.services[first:min(len(m.services), first+n)] {
		cpu, memory := "-", "-"
		if s.CPU >= 0 && s.State == "running" {
			cpu = fmt.Sprintf("%.1f%%", s.CPU)
		}
		if s.Memory > 0 {
			memory = output.BinarySize(s.Memory)
		}
		style := ""
		switch {
		case s.Name == m.selected:
			style = reverse
		case s.Health == "unhealthy" || s.State == "exited":
			style = red
		case s.Health == "starting" || s.State != "running":
			style = yellow
		case s.Health == "healthy":
			style = green
		}
		rows = append(rows, m.fill(style, serviceRow(clean(s.Name), s.State, s.Health, cpu, memory, s.Ports)))
	}
	return rows
}

func (m model) happened(n int) []string {
	rows := make([]string, 0, n)
	for _, e := range m.events[max(0, len(m.events)-n):] {
		rows = append(rows, m.fill("", e.Time.Local().Format("15:04:05")+"  "+clean(e.Text)))
	}
	return m.pad(rows, n)
}

func (m model) written(n int) []string {
	all := m.output()
	end := max(0, len(all)-m.back)
	rows := make([]string, 0, n)
	for _, l := range all[max(0, end-n):end] {
		rows = append(rows, m.fill("", cell(clean(l.Name), 16)+"│ "+clean(l.Text)))
	}
	return m.pad(rows, n)
}

func (m model) pad(rows []string, n int) []string {
	for len(rows) < n {
		rows = append(rows, "")
	}
	return rows
}

// fill cuts text to the page's width and pads it, so that old text is covered.
func (m model) fill(style, text string) string {
	text = ansi.Truncate(text, m.width, "…")
	text += strings.Repeat(" ", max(0, m.width-ansi.StringWidth(text)))
	if style == "" {
		return text
	}
	return style + text + plain
}

// clean makes foreign text harmless: escape sequences and control characters
// go, tabs become spaces.
func clean(text string) string {
	text = strings.ReplaceAll(ansi.Strip(text), "\t", "    ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' || r == '\ufffd' {
			return -1
		}
		return r
	}, text)
}
