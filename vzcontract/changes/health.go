package changes

import (
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

// healthcheck reads [--interval=… …] CMD command, or NONE.
func healthcheck(c *application, s string) string {
	if strings.EqualFold(s, "NONE") {
		c.Health = &vzcontract.HealthCheck{Test: []string{"NONE"}}
		return ""
	}
	h := &vzcontract.HealthCheck{}
	for strings.HasPrefix(s, "--") {
		flag, rest, _ := strings.Cut(s, " ")
		s = strings.TrimSpace(rest)
		if reason := healthFlag(h, flag); reason != "" {
			return reason
		}
	}
	word, rest, _ := strings.Cut(s, " ")
	rest = strings.TrimSpace(rest)
	if !strings.EqualFold(word, "CMD") || rest == "" {
		return "want HEALTHCHECK CMD command or HEALTHCHECK NONE"
	}
	list, isJSON, reason := array(rest)
	if reason != "" {
		return reason
	}
	h.Test = []string{"CMD-SHELL", rest}
	if isJSON {
		h.Test = append([]string{"CMD"}, list...)
	}
	c.Health = h
	return ""
}

func healthFlag(h *vzcontract.HealthCheck, flag string) string {
	name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
	if name == "retries" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return flag + ": not a count"
		}
		h.Retries = n
		return ""
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return flag + ": not a duration such as 30s"
	}
	switch name {
	case "interval":
		h.Interval = d
	case "timeout":
		h.Timeout = d
	case "start-period":
		h.StartPeriod = d
	default:
		return flag + ": unknown option"
	}
	return ""
}
