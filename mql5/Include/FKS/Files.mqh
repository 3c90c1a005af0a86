// Small text files in the terminal's folder MQL5\Files, written as UTF-8 bytes.
#ifndef FKS_FILES_MQH
#define FKS_FILES_MQH

#include <FKS/Text.mqh>

// A name that every file system takes.
string FileNameOf(const string text)
{
   string out = "";
   for(int i = 0; i < StringLen(text); i++)
   {
      ushort unit = StringGetCharacter(text, i);
      bool plain = (unit >= '0' && unit <= '9') || (unit >= 'a' && unit <= 'z') || (unit >= 'A' && unit <= 'Z') ||
                   unit == '-';
      out += plain ? ShortToString(unit) : "_";
   }
   return out;
}

bool ReadText(const string name, string &text)
{
   text = "";
   int file = FileOpen(name, FILE_READ | FILE_BIN);
   if(file == INVALID_HANDLE)
      return false;
   uchar bytes[];
   FileReadArray(file, bytes);
   FileClose(file);
   text = TextOf(bytes, 0, ArraySize(bytes));
   return true;
}

// Whole or not at all: written beside and renamed.
bool WriteText(const string name, const string text)
{
   int file = FileOpen(name + ".new", FILE_WRITE | FILE_BIN);
   if(file == INVALID_HANDLE)
      return false;
   uchar bytes[];
   AppendUtf8(text, bytes);
   bool written = FileWriteArray(file, bytes) == (uint)ArraySize(bytes);
   FileClose(file);
   return written && FileMove(name + ".new", 0, name, FILE_REWRITE);
}

#endif
