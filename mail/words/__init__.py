"""The words of a mail: text and HTML, and in them quotes, signatures and mails that were passed on."""
