package report

// ConfigError reports a mistake in what the user wrote or set: the Config, an IMAGE_… variable, the name of a target's
// program. Nothing was built.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// RegistryError reports a failure of a registry, or on the way to it. The image itself was built.
type RegistryError struct{ Err error }

func (e *RegistryError) Error() string { return e.Err.Error() }
func (e *RegistryError) Unwrap() error { return e.Err }

// EngineError reports a failure of the Docker Engine, or on the way to it. The image itself was built.
type EngineError struct{ Err error }

func (e *EngineError) Error() string { return e.Err.Error() }
func (e *EngineError) Unwrap() error { return e.Err }
