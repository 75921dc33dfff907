"""The structure of a mail: header fields, charsets, parts and what is packed inside them."""
