package vzlinuxnative

func (b *Backend) event(string, *container, map[string]string) {}
