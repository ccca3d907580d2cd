"""The viewer's side: four docks, reader, writer, sample. Knows napari and Qt; never torch, a method or the engine."""
