package compose

// A Status says what becomes of a key of the Compose schema.
type Status string

// The statuses. There is no fourth: a key that is not in the table is refused.
const (
	// Honoured: it does what the Compose Specification says.
	Honoured Status = "honoured"
	// Refused: a file that has it is not run; the note is the reason.
	Refuse Status = "refused"
	// Noted: it changes nothing on one host, as with docker compose; a notice
	// says so and the file is run.
	Noted Status = "noted"
)

// A Key is one row of the table: a key of the schema, what becomes of it and
// an example that the tests run.
type Key struct {
	// Path has * for names and [] for members of a list.
	Path   string
	Status Status
	// Note is the reason of a refusal, or what is special.
	Note string
	// Example is YAML that uses the key, in the place where it belongs; Top is
	// what else the document needs.
	Example, Top string
	// Shows is FIELD=JSON: what the example makes of plan.Desired, or !TEXT:
	// what the refusal of another value says.
	Shows string
}

// Keys returns the table in the order of the schema.
func Keys() []Key {
	var all []Key
	for _, part := range [][]Key{
		topKeys, processKeys, lifeKeys, connectKeys, mountKeys, fileKeys, limitKeys, securityKeys,
		deployKeys, foreignKeys, networkKeys, volumeKeys, objectKeys,
	} {
		all = append(all, part...)
	}
	return all
}

// find returns the row of a path; a refused or noted parent covers all below it.
func (t keyTable) find(path string) (Key, bool) {
	if k, ok := t[path]; ok {
		return k, true
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '.' && path[i] != '[' {
			continue
		}
		if k, ok := t[path[:i]+".*"]; ok && k.Status != Honoured {
			return k, true
		}
		if k, ok := t[path[:i]]; ok && k.Status != Honoured {
			return k, true
		}
	}
	return Key{}, false
}

type keyTable map[string]Key

func newKeyTable() keyTable {
	t := keyTable{}
	for _, k := range Keys() {
		t[k.Path] = k
	}
	return t
}
