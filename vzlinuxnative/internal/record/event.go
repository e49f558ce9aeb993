package record

import (
	"maps"

	"vz.internal/vzcontract"
)

// Event is something that happened to a container, with what Docker tells of
// one: labels, name, image.
func Event(c *Config, name, action string, more map[string]string) vzcontract.Event {
	attributes := map[string]string{}
	maps.Copy(attributes, c.Labels)
	attributes["name"] = name
	if c.Image != "" {
		attributes["image"] = c.Image
	}
	maps.Copy(attributes, more)
	return vzcontract.Event{Type: "container", Action: action, ID: c.ID, Attributes: attributes}
}
